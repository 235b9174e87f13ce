// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {IRegistry} from "./IRegistry.sol";

/// @title The storage that proofs read, and the log kept in it.
/// @dev Must come first in the linearisation: nobody else's variables may move these slots.
abstract contract Layout is IRegistry {
    struct Device {
        uint256 word0;
        bytes32 key;
    }

    struct Relay {
        uint256 word0;
        uint256 word1;
        uint256 word2;
        bytes32 key;
    }

    struct WMKeySlots {
        uint256 meta;
        bytes32 ed25519;
        bytes32 x25519;
    }

    /// @notice Longest life of a record, in days from the day it is written.
    uint256 public constant MAX_RECORD_DAYS = 1096;
    /// @notice Most entries in one call; keeps a batch below EIP-7825's 2^24 gas.
    uint256 public constant MAX_BATCH = 256;

    mapping(bytes32 => Device) internal _devices; // slot 0
    mapping(uint256 => Relay) internal _relays; // slot 1
    mapping(bytes32 => Relay) internal _pending; // slot 2
    WMKeySlots internal _wmCurrent; // slots 3..5
    WMKeySlots internal _wmPrevious; // slots 6..8
    uint256 internal _logHead; // slot 9
    uint256 internal _relayCount; // slot 10
    mapping(bytes16 => uint16[]) internal _relaysAt; // slot 11
    mapping(address => bool) internal _approvers; // slot 12

    modifier onlyApprover() {
        if (!_approvers[msg.sender]) revert NotApprover(msg.sender);
        _;
    }

    function _log(LogKind kind, bytes32 subject, bytes32 detail) internal {
        uint256 old = _logHead;
        bytes32 hash = keccak256(abi.encode(bytes32(old), uint8(kind), subject, detail));
        uint64 number = uint64(old) + 1;
        _logHead = (uint256(hash) >> 64 << 64) | number;
        emit Logged(number, uint8(kind), subject, detail);
    }

    function _today() internal view returns (uint256) {
        return block.timestamp / 1 days;
    }
}
