// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Layout} from "./Layout.sol";
import {Pack} from "./Pack.sol";

/// @title The life of a relay's record: proposed, approved, renewed, revoked, withdrawn.
abstract contract Relays is Layout {
    /// @notice Relay indices fill 14 bits in a device's record.
    uint256 public constant MAX_RELAYS = 16_383;
    uint256 public constant MAX_RELAYS_PER_ADDRESS = 8;
    uint256 public constant MAX_PAGE = 64;
    uint16 public constant MIN_RELAY_PORT = 1024;

    function registerServer(bytes32 salt, RelayParams calldata p)
        external
        returns (bytes32 pendingId)
    {
        _checkParams(p);
        if (p.index != 0 && Pack.relayOwner(_relays[p.index].word0) != msg.sender) {
            revert NotRelayOwner(p.index, msg.sender);
        }
        pendingId = keccak256(abi.encode(msg.sender, salt));
        Relay storage r = _pending[pendingId];
        r.word0 = Pack.relayWord0(msg.sender, uint8(RelayState.Pending), p);
        r.word1 = Pack.relayWord1(p.listenIPv4, p.relayIPv4);
        r.word2 = Pack.relayWord2(p.listenIPv6, p.relayIPv6);
        r.key = p.key;
        emit ServerPending(pendingId, msg.sender, _digest(r));
    }

    function cancelServer(bytes32 salt) external {
        bytes32 pendingId = keccak256(abi.encode(msg.sender, salt));
        if (_pending[pendingId].word0 == 0) revert NotPending(pendingId);
        delete _pending[pendingId];
        emit ServerCancelled(pendingId);
    }

    function approveServer(bytes32 pendingId, bytes32 digest, uint16 expiryDay)
        external
        onlyApprover
        returns (uint16 index)
    {
        Relay memory p = _pending[pendingId];
        if (p.word0 == 0) revert NotPending(pendingId);
        bytes32 found = _digest(p);
        if (found != digest) revert DigestMismatch(digest, found);
        _checkExpiry(expiryDay);

        index = Pack.relayIndex(p.word0);
        if (index == 0) {
            index = _newIndex();
        } else {
            _vacate(index); // the owner is the one that registerServer checked: it never changes
        }
        p.word0 = Pack.withRelayIndex(p.word0, index);
        p.word0 = Pack.withRelayExpiry(p.word0, expiryDay);
        p.word0 = Pack.withRelayState(p.word0, RelayState.Approved);
        delete _pending[pendingId];
        _relays[index] = p;
        _occupy(index, p);
        _log(LogKind.RelayApproved, bytes32(uint256(index)), digest);
        emit ServerApproved(index, Pack.relayOwner(p.word0), pendingId, expiryDay);
    }

    /// @dev A record that stands already, taken over as it is.
    function _admit(
        uint16 index,
        Relay memory r,
        bytes32 pendingId,
        address owner,
        uint16 expiryDay
    ) internal {
        _occupy(index, r);
        _log(LogKind.RelayApproved, bytes32(uint256(index)), _digest(r));
        emit ServerApproved(index, owner, pendingId, expiryDay);
    }

    function renewServer(uint16 index, uint16 expiryDay) external onlyApprover {
        uint256 w = _inState(index, RelayState.Approved);
        _checkExpiry(expiryDay);
        _relays[index].word0 = Pack.withRelayExpiry(w, expiryDay);
        emit ServerRenewed(index, expiryDay);
    }

    function revokeServer(uint16 index) external onlyApprover {
        _leave(index, RelayState.Revoked);
        _log(LogKind.RelayRevoked, bytes32(uint256(index)), 0);
        emit ServerRevoked(index);
    }

    function reinstateServer(uint16 index) external onlyApprover {
        uint256 w = _inState(index, RelayState.Revoked);
        Relay storage r = _relays[index];
        r.word0 = Pack.withRelayState(w, RelayState.Approved);
        _occupy(index, r);
        _log(LogKind.RelayReinstated, bytes32(uint256(index)), 0);
        emit ServerReinstated(index);
    }

    function withdrawServer(uint16 index) external {
        if (Pack.relayOwner(_relays[index].word0) != msg.sender) {
            revert NotRelayOwner(index, msg.sender);
        }
        _leave(index, RelayState.Withdrawn);
        _log(LogKind.RelayWithdrawn, bytes32(uint256(index)), 0);
        emit ServerWithdrawn(index);
    }

    function getServer(uint16 index) external view returns (Server memory) {
        return _decode(_relays[index]);
    }

    function getPending(bytes32 pendingId)
        external
        view
        returns (Server memory server, bytes32 digest)
    {
        Relay memory p = _pending[pendingId];
        if (p.word0 != 0) {
            server = _decode(p);
            digest = _digest(p);
        }
    }

    function getServers(uint256 from, uint256 count) external view returns (Server[] memory page) {
        if (from == 0 || count > MAX_PAGE) revert BadPage(from, count);
        uint256 total = _relayCount;
        if (from > total) return page;
        uint256 left = total - from + 1;
        page = new Server[](count < left ? count : left);
        for (uint256 i = 0; i < page.length; i++) {
            page[i] = _decode(_relays[from + i]);
        }
    }

    function serversCount() external view returns (uint256) {
        return _relayCount;
    }

    /// @dev Approved and not expired.
    function _relayLive(uint256 word0) internal view returns (bool) {
        return
            Pack.isRelayState(word0, RelayState.Approved) && Pack.relayExpiryDay(word0) >= _today();
    }

    function _checkParams(RelayParams calldata p) private pure {
        if (p.key == 0) revert ZeroKey();
        bool v4 = p.listenIPv4 != 0 && p.relayIPv4 != 0;
        bool v6 = p.listenIPv6 != 0 && p.relayIPv6 != 0;
        if (!v4 && !v6) revert BadAddress();
        // ::ffff:a.b.c.d would name an IPv4 address twice
        if (p.listenIPv6 >> 32 == 0xffff || p.relayIPv6 >> 32 == 0xffff) revert BadAddress();
        if (p.listenPort == 0 || p.portMin < MIN_RELAY_PORT || p.portMin > p.portMax) {
            revert BadPorts();
        }
        bool oneAddress = (v4 && p.listenIPv4 == p.relayIPv4) || (v6 && p.listenIPv6 == p.relayIPv6);
        if (oneAddress && p.listenPort >= p.portMin && p.listenPort <= p.portMax) {
            revert BadPorts();
        }
    }

    function _checkExpiry(uint16 expiryDay) private view {
        uint256 today = _today();
        if (expiryDay < today || expiryDay > today + MAX_RECORD_DAYS) revert BadExpiry(expiryDay);
    }

    function _newIndex() private returns (uint16) {
        uint256 next = _relayCount + 1;
        if (next > MAX_RELAYS) revert NoIndexLeft();
        _relayCount = next;
        return uint16(next);
    }

    function _inState(uint16 index, RelayState wanted) private view returns (uint256 word0) {
        word0 = _relays[index].word0;
        RelayState state = Pack.relayState(word0);
        if (state != wanted) revert WrongState(index, state);
    }

    function _leave(uint16 index, RelayState to) private {
        uint256 w = _inState(index, RelayState.Approved);
        _vacate(index);
        _relays[index].word0 = Pack.withRelayState(w, to);
    }

    /// @dev Enter the relay in the lists of its relayed addresses, or revert if its ports are taken.
    function _occupy(uint16 index, Relay memory r) private {
        uint32 v4 = Pack.relayIPv4(r.word1);
        uint128 v6 = Pack.relayIPv6(r.word2);
        if (v4 != 0) _occupyAt(_mapped(v4), index, r.word0);
        if (v6 != 0) _occupyAt(bytes16(v6), index, r.word0);
    }

    function _occupyAt(bytes16 at, uint16 index, uint256 word0) private {
        uint16[] storage there = _relaysAt[at];
        uint256 n = there.length;
        if (n >= MAX_RELAYS_PER_ADDRESS) revert AddressFull();
        for (uint256 i = 0; i < n; i++) {
            uint256 other = _relays[there[i]].word0;
            if (
                Pack.relayPortMin(word0) <= Pack.relayPortMax(other)
                    && Pack.relayPortMin(other) <= Pack.relayPortMax(word0)
            ) revert RangeTaken(there[i]);
        }
        there.push(index);
    }

    /// @dev Only an approved relay stands in the lists.
    function _vacate(uint16 index) private {
        Relay storage r = _relays[index];
        if (Pack.relayState(r.word0) != RelayState.Approved) return;
        uint32 v4 = Pack.relayIPv4(r.word1);
        uint128 v6 = Pack.relayIPv6(r.word2);
        if (v4 != 0) _vacateAt(_mapped(v4), index);
        if (v6 != 0) _vacateAt(bytes16(v6), index);
    }

    function _vacateAt(bytes16 at, uint16 index) private {
        uint16[] storage there = _relaysAt[at];
        uint256 last = there.length - 1;
        for (uint256 i = 0; i < last; i++) {
            if (there[i] == index) {
                there[i] = there[last];
                break;
            }
        }
        there.pop();
    }

    /// @dev ::ffff:a.b.c.d
    function _mapped(uint32 v4) private pure returns (bytes16) {
        return bytes16((uint128(0xffff) << 32) | v4);
    }

    function _digest(Relay memory r) private pure returns (bytes32) {
        return keccak256(abi.encode(r.word0 & ~Pack.RELAY_UNSIGNED_FIELDS, r.word1, r.word2, r.key));
    }

    function _decode(Relay memory r) private view returns (Server memory s) {
        s.owner = Pack.relayOwner(r.word0);
        s.state = Pack.relayState(r.word0);
        s.live = _relayLive(r.word0);
        s.index = Pack.relayIndex(r.word0);
        s.expiryDay = Pack.relayExpiryDay(r.word0);
        s.listenIPv4 = Pack.listenIPv4(r.word1);
        s.listenIPv6 = Pack.listenIPv6(r.word2);
        s.listenPort = Pack.relayListenPort(r.word0);
        s.relayIPv4 = Pack.relayIPv4(r.word1);
        s.relayIPv6 = Pack.relayIPv6(r.word2);
        s.portMin = Pack.relayPortMin(r.word0);
        s.portMax = Pack.relayPortMax(r.word0);
        s.key = r.key;
    }
}
