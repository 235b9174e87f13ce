// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Devices} from "./Devices.sol";
import {IRegistry} from "./IRegistry.sol";
import {Pack} from "./Pack.sol";

/// @title The move from one contract to the next: what lives in the predecessor is copied from it.
/// @dev Every record is read from the predecessor itself, so an approver can move records and not
/// make them up: no signature of a device is needed, since nothing of its record changes.
abstract contract Moves is Devices {
    address internal _predecessor;
    address internal _successor;

    function adoptServers(uint16[] calldata indices) external onlyApprover {
        if (indices.length > MAX_BATCH) revert BatchTooLarge(indices.length, MAX_BATCH);
        IRegistry from = _from();
        for (uint256 i = 0; i < indices.length; i++) {
            _adoptServer(indices[i], from.getServer(indices[i]));
        }
    }

    function adoptClients(bytes32[] calldata identityHashes)
        external
        onlyApprover
        returns (uint256 written)
    {
        uint256 n = identityHashes.length;
        if (n > MAX_BATCH) revert BatchTooLarge(n, MAX_BATCH);
        IRegistry from = _from();
        for (uint256 i = 0; i < n; i++) {
            bytes32 identityHash = identityHashes[i];
            SkipReason reason = _adoptClient(identityHash, from.getClient(identityHash));
            if (reason == SkipReason.None) {
                written++;
            } else {
                emit ClientSkipped(identityHash, reason);
            }
        }
    }

    function predecessor() external view returns (address) {
        return _predecessor;
    }

    function successor() external view returns (address) {
        return _successor;
    }

    function _setPredecessor(address registry) internal {
        if (registry == address(this)) revert OwnSuccessor();
        _predecessor = registry;
        emit PredecessorSet(registry);
    }

    function _setSuccessor(address registry) internal {
        if (registry == address(this)) revert OwnSuccessor();
        _successor = registry;
        emit SuccessorSet(registry);
    }

    function _from() private view returns (IRegistry) {
        if (_predecessor == address(0)) revert NoPredecessor();
        return IRegistry(_predecessor);
    }

    /// @dev Under its own index, which devices' records name.
    function _adoptServer(uint16 index, Server memory s) private {
        if (!s.live || s.index != index) revert WrongState(index, s.state);
        Relay storage r = _relays[index];
        if (r.word0 != 0) revert IndexTaken(index);
        RelayParams memory p = RelayParams({
            listenIPv4: s.listenIPv4,
            listenIPv6: s.listenIPv6,
            listenPort: s.listenPort,
            relayIPv4: s.relayIPv4,
            relayIPv6: s.relayIPv6,
            portMin: s.portMin,
            portMax: s.portMax,
            key: s.key,
            index: index
        });
        r.word0 = Pack.withRelayExpiry(
            Pack.relayWord0(s.owner, uint8(RelayState.Approved), p), s.expiryDay
        );
        r.word1 = Pack.relayWord1(s.listenIPv4, s.relayIPv4);
        r.word2 = Pack.relayWord2(s.listenIPv6, s.relayIPv6);
        r.key = s.key;
        if (index > _relayCount) _relayCount = index;
        _admit(index, r, bytes32(0), s.owner, s.expiryDay);
    }

    /// @dev A name that this contract has ever written is not overwritten, also when it is revoked.
    /// A relay that is not live here is left out: the device names another one when it comes up.
    function _adoptClient(bytes32 identityHash, Client memory c) private returns (SkipReason) {
        Device storage d = _devices[identityHash];
        if (!c.live) return SkipReason.NotLive;
        if (d.word0 != 0) return SkipReason.NameTaken;
        if (c.expiryDay > _today() + MAX_RECORD_DAYS) return SkipReason.TooFar;
        uint256 t = Pack.terms(c.sequence, c.relay, c.port, c.backupRelay, c.backupPort);
        if (_checkRelays(t) != SkipReason.None) {
            t = Pack.terms(c.sequence, 0, 0, 0, 0);
        }
        uint256 word0 = Pack.deviceWord0(
            c.wallet, DeviceState.Approved, c.expiryDay, c.sequence, Pack.termsRelays(t)
        );
        d.word0 = word0;
        d.key = c.key;
        emit ClientRegistered(identityHash, c.wallet, word0);
        return SkipReason.None;
    }
}
