// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Devices} from "./Devices.sol";
import {Pack} from "./Pack.sol";

/// @title What a device's wallet changes itself: by its own transaction, or by a signature that
/// anyone submits.
/// @dev Every change takes a sequence number, so of two that name the same one only the first holds.
abstract contract Changes is Devices {
    bytes32 internal constant UPDATE_TYPEHASH = keccak256(
        "Update(bytes32 identity,uint16 relay,uint16 port,uint16 backupRelay,uint16 backupPort,uint16 sequence,uint64 deadline)"
    );
    bytes32 internal constant KEY_ROTATION_TYPEHASH =
        keccak256("KeyRotation(bytes32 identity,bytes32 key,uint16 sequence,uint64 deadline)");
    bytes32 internal constant SELF_REVOCATION_TYPEHASH =
        keccak256("SelfRevocation(bytes32 identity,uint16 sequence,uint64 deadline)");

    function updateAllocation(
        bytes32 identityHash,
        uint16 relay,
        uint16 port,
        uint16 backupRelay,
        uint16 backupPort,
        uint16 sequence
    ) external {
        uint256 w = _devices[identityHash].word0;
        uint256 t = Pack.terms(sequence, relay, port, backupRelay, backupPort);
        if (!_deviceLive(w)) _demand(identityHash, SkipReason.NotLive);
        if (Pack.deviceWallet(w) != msg.sender) _demand(identityHash, SkipReason.NotItsWallet);
        _demand(identityHash, _move(identityHash, w, t));
    }

    function updateAllocations(Update[] calldata batch) external returns (uint256 written) {
        if (batch.length > MAX_BATCH) revert BatchTooLarge(batch.length, MAX_BATCH);
        for (uint256 i = 0; i < batch.length; i++) {
            SkipReason reason = _update(batch[i]);
            if (reason == SkipReason.None) {
                written++;
            } else {
                emit ClientSkipped(batch[i].identityHash, reason);
            }
        }
    }

    function rotateKeys(KeyRotation[] calldata batch) external returns (uint256 written) {
        if (batch.length > MAX_BATCH) revert BatchTooLarge(batch.length, MAX_BATCH);
        for (uint256 i = 0; i < batch.length; i++) {
            SkipReason reason = _rotate(batch[i]);
            if (reason == SkipReason.None) {
                written++;
            } else {
                emit ClientSkipped(batch[i].identityHash, reason);
            }
        }
    }

    /// @dev Only an approved record goes, so each entry of the log that a device causes has cost an
    /// approval. At the last sequence number the record still goes, and the number stays.
    function revokeSelf(
        bytes32 identityHash,
        uint16 sequence,
        uint64 deadline,
        bytes32 r,
        bytes32 vs
    ) external {
        uint256 w = _devices[identityHash].word0;
        bytes32 hash =
            keccak256(abi.encode(SELF_REVOCATION_TYPEHASH, identityHash, sequence, deadline));
        if (block.timestamp > deadline) _demand(identityHash, SkipReason.DeadlinePassed);
        if (!Pack.isDeviceState(w, DeviceState.Approved)) {
            _demand(identityHash, SkipReason.NotRegistered);
        }
        _demand(identityHash, _checkWallet(w, hash, r, vs));
        if (sequence != Pack.deviceSequence(w)) _demand(identityHash, SkipReason.WrongSequence);
        if (sequence != type(uint16).max) w = Pack.withDeviceSequence(w, sequence + 1);
        _devices[identityHash].word0 = Pack.withDeviceState(w, DeviceState.Revoked);
        _log(LogKind.ClientRevoked, identityHash, 0);
        emit ClientRevoked(identityHash);
    }

    function _update(Update calldata e) private returns (SkipReason reason) {
        uint256 t = e.terms;
        if (Pack.termsExpiryDay(t) != 0 || uint96(t) != 0) return SkipReason.BadTerms;
        if (block.timestamp > Pack.termsDeadline(t)) return SkipReason.DeadlinePassed;
        uint256 w = _devices[e.identityHash].word0;
        if (!_deviceLive(w)) return SkipReason.NotLive;
        reason = _checkWallet(w, _updateHash(e.identityHash, t), e.r, e.vs);
        if (reason != SkipReason.None) return reason;
        return _move(e.identityHash, w, t);
    }

    function _rotate(KeyRotation calldata e) private returns (SkipReason reason) {
        uint256 t = e.terms;
        uint16 sequence = Pack.termsSequence(t);
        uint64 deadline = Pack.termsDeadline(t);
        if (Pack.termsExpiryDay(t) != 0 || uint160(t) != 0 || e.key == 0) {
            return SkipReason.BadTerms;
        }
        if (block.timestamp > deadline) return SkipReason.DeadlinePassed;
        Device storage d = _devices[e.identityHash];
        uint256 w = d.word0;
        if (!_deviceLive(w)) return SkipReason.NotLive;
        bytes32 hash =
            keccak256(abi.encode(KEY_ROTATION_TYPEHASH, e.identityHash, e.key, sequence, deadline));
        reason = _checkWallet(w, hash, e.r, e.vs);
        if (reason != SkipReason.None) return reason;
        if (!_nextSequence(w, sequence)) return SkipReason.WrongSequence;
        d.word0 = Pack.withDeviceSequence(w, sequence + 1);
        d.key = e.key;
        emit ClientKeyRotated(e.identityHash, e.key, sequence + 1);
    }

    /// @dev Other relays and ports in the record that begins with that word; the rest of it stays.
    function _move(bytes32 identityHash, uint256 w, uint256 t) private returns (SkipReason reason) {
        uint16 sequence = Pack.termsSequence(t);
        if (!_nextSequence(w, sequence)) return SkipReason.WrongSequence;
        reason = _checkRelays(t);
        if (reason != SkipReason.None) return reason;
        w = Pack.withDeviceSequence(Pack.withDeviceRelays(w, Pack.termsRelays(t)), sequence + 1);
        _devices[identityHash].word0 = w;
        emit ClientUpdated(identityHash, w);
    }

    function _updateHash(bytes32 identityHash, uint256 t) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                UPDATE_TYPEHASH,
                identityHash,
                Pack.termsRelay(t),
                Pack.termsPort(t),
                Pack.termsBackupRelay(t),
                Pack.termsBackupPort(t),
                Pack.termsSequence(t),
                Pack.termsDeadline(t)
            )
        );
    }

    /// @dev Did the wallet of that record sign this structure?
    function _checkWallet(uint256 word0, bytes32 structHash, bytes32 r, bytes32 vs)
        private
        view
        returns (SkipReason)
    {
        (address signer, ECDSA.RecoverError err,) =
            ECDSA.tryRecover(_hashTypedDataV4(structHash), r, vs);
        if (err != ECDSA.RecoverError.NoError) return SkipReason.BadSignature;
        return signer == Pack.deviceWallet(word0) ? SkipReason.None : SkipReason.NotItsWallet;
    }
}
