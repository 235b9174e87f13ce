// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Pack} from "./Pack.sol";
import {Relays} from "./Relays.sol";

/// @title The life of a device's record: registered by its wallet's signature, revoked, looked up.
abstract contract Devices is Relays, EIP712 {
    bytes32 public constant REGISTRATION_TYPEHASH = keccak256(
        "Registration(bytes32 identity,bytes32 key,uint16 relay,uint16 port,uint16 backupRelay,uint16 backupPort,uint16 expiryDay,uint16 sequence,uint64 deadline)"
    );

    constructor() EIP712("chainturn", "1") {}

    function registerClients(Registration[] calldata batch)
        external
        onlyApprover
        returns (uint256 written)
    {
        if (batch.length > MAX_BATCH) revert BatchTooLarge(batch.length, MAX_BATCH);
        for (uint256 i = 0; i < batch.length; i++) {
            SkipReason reason = _register(batch[i]);
            if (reason == SkipReason.None) {
                written++;
            } else {
                emit ClientSkipped(batch[i].identityHash, reason);
            }
        }
    }

    function revokeClient(bytes32 identityHash) external onlyApprover {
        if (!_revoke(identityHash)) revert NotRegistered(identityHash);
    }

    function revokeClients(bytes32[] calldata identityHashes) external onlyApprover {
        uint256 n = identityHashes.length;
        if (n > MAX_BATCH) revert BatchTooLarge(n, MAX_BATCH);
        for (uint256 i = 0; i < n; i++) {
            if (!_revoke(identityHashes[i])) {
                emit ClientSkipped(identityHashes[i], SkipReason.NotRegistered);
            }
        }
    }

    function getClient(bytes32 identityHash) external view returns (Client memory c) {
        uint256 w = _devices[identityHash].word0;
        c.wallet = Pack.deviceWallet(w);
        c.state = Pack.deviceState(w);
        c.live = _deviceLive(w);
        c.expiryDay = Pack.deviceExpiryDay(w);
        c.sequence = Pack.deviceSequence(w);
        c.relay = Pack.deviceRelay(w);
        c.port = Pack.devicePort(w);
        c.backupRelay = Pack.deviceBackupRelay(w);
        c.backupPort = Pack.deviceBackupPort(w);
        c.key = _devices[identityHash].key;
    }

    function getClientPuk(bytes32 identityHash) external view returns (bytes32 key) {
        if (_deviceLive(_devices[identityHash].word0)) key = _devices[identityHash].key;
    }

    function getClientRelayedAddress(bytes32 identityHash)
        external
        view
        returns (RelayedAddress memory primary, RelayedAddress memory backup)
    {
        uint256 w = _devices[identityHash].word0;
        if (!_deviceLive(w)) return (primary, backup);
        primary = _relayed(Pack.deviceRelay(w), Pack.devicePort(w));
        backup = _relayed(Pack.deviceBackupRelay(w), Pack.deviceBackupPort(w));
    }

    function _register(Registration calldata e) private returns (SkipReason reason) {
        uint256 t = e.terms;
        reason = _checkTerms(e.identityHash, e.key, t);
        if (reason != SkipReason.None) return reason;

        (address wallet, ECDSA.RecoverError err,) =
            ECDSA.tryRecover(_registrationHash(e.identityHash, e.key, t), e.r, e.vs);
        if (err != ECDSA.RecoverError.NoError) return SkipReason.BadSignature;

        uint256 word0;
        (reason, word0) = _write(e.identityHash, e.key, t, wallet, DeviceState.Approved);
        if (reason == SkipReason.None) emit ClientRegistered(e.identityHash, wallet, word0);
    }

    /// @dev Both roads write here, so a name is free under the same conditions on either.
    function _write(bytes32 identityHash, bytes32 key, uint256 t, address wallet, DeviceState state)
        internal
        returns (SkipReason, uint256 word0)
    {
        Device storage d = _devices[identityHash];
        uint256 old = d.word0;
        if (_deviceLive(old)) {
            if (Pack.deviceWallet(old) != wallet) return (SkipReason.NameTaken, 0);
            if (state == DeviceState.Pending) return (SkipReason.StillLive, 0);
        }
        uint16 sequence = Pack.termsSequence(t);
        if (!_nextSequence(old, sequence)) return (SkipReason.WrongSequence, 0);
        unchecked {
            sequence++; // the last was refused
        }
        word0 =
            Pack.deviceWord0(wallet, state, Pack.termsExpiryDay(t), sequence, Pack.termsRelays(t));
        d.word0 = word0;
        d.key = key;
        return (SkipReason.None, word0);
    }

    /// @dev The one stored, and not the last of all.
    function _nextSequence(uint256 word0, uint16 sequence) internal pure returns (bool) {
        return sequence == Pack.deviceSequence(word0) && sequence != type(uint16).max;
    }

    /// @dev Calls for one device fail where a batch skips.
    function _demand(bytes32 identityHash, SkipReason reason) internal pure {
        if (reason != SkipReason.None) revert ClientRefused(identityHash, reason);
    }

    function _checkTerms(bytes32 identityHash, bytes32 key, uint256 t)
        internal
        view
        returns (SkipReason)
    {
        if (identityHash == 0 || key == 0 || uint96(t) != 0) return SkipReason.BadTerms;
        if (block.timestamp > Pack.termsDeadline(t)) return SkipReason.DeadlinePassed;
        uint256 today = _today();
        uint256 day = Pack.termsExpiryDay(t);
        if (day < today) return SkipReason.AlreadyExpired;
        unchecked {
            if (day - today > MAX_RECORD_DAYS) return SkipReason.TooFar;
        }
        return _checkRelays(t);
    }

    function _checkRelays(uint256 t) internal view returns (SkipReason reason) {
        reason = _checkRelay(Pack.termsRelay(t), Pack.termsPort(t));
        if (reason != SkipReason.None) return reason;
        return _checkRelay(Pack.termsBackupRelay(t), Pack.termsBackupPort(t));
    }

    /// @dev Relay 0 with port 0 stands for "none": such a device calls but is not called.
    function _checkRelay(uint16 index, uint16 port) private view returns (SkipReason) {
        if (index == 0) return port == 0 ? SkipReason.None : SkipReason.PortOutOfRange;
        uint256 w = _relays[index].word0;
        if (!_relayLive(w)) return SkipReason.UnknownRelay;
        if (port < Pack.relayPortMin(w) || port > Pack.relayPortMax(w)) {
            return SkipReason.PortOutOfRange;
        }
        return SkipReason.None;
    }

    function _registrationHash(bytes32 identityHash, bytes32 key, uint256 t)
        private
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    REGISTRATION_TYPEHASH,
                    identityHash,
                    key,
                    Pack.termsRelay(t),
                    Pack.termsPort(t),
                    Pack.termsBackupRelay(t),
                    Pack.termsBackupPort(t),
                    Pack.termsExpiryDay(t),
                    Pack.termsSequence(t),
                    Pack.termsDeadline(t)
                )
            )
        );
    }

    function _revoke(bytes32 identityHash) private returns (bool) {
        uint256 w = _devices[identityHash].word0;
        if (!Pack.isDeviceState(w, DeviceState.Approved)) return false;
        _devices[identityHash].word0 = Pack.withDeviceState(w, DeviceState.Revoked);
        _log(LogKind.ClientRevoked, identityHash, 0);
        emit ClientRevoked(identityHash);
        return true;
    }

    function _deviceLive(uint256 word0) internal view returns (bool) {
        return
            Pack.isDeviceState(word0, DeviceState.Approved)
                && Pack.deviceExpiryDay(word0) >= _today();
    }

    function _relayed(uint16 index, uint16 port) private view returns (RelayedAddress memory a) {
        if (index == 0) return a;
        Relay storage r = _relays[index];
        if (!_relayLive(r.word0)) return a;
        a.relay = index;
        a.ipv4 = Pack.relayIPv4(r.word1);
        a.ipv6 = Pack.relayIPv6(r.word2);
        a.port = port;
    }
}
