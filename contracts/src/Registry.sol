// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Changes} from "./Changes.sol";
import {Funded} from "./Funded.sol";
import {Moves} from "./Moves.sol";

/// @title chainturn's registry: who may do what, the wallet manager's keys, the log's head.
/// @notice A cold owner sets keys and approvers; hot approvers write relays and devices.
contract Registry is Funded, Changes, Ownable2Step, Moves {
    constructor(
        address owner_,
        address approver,
        bytes32 wmEd25519,
        bytes32 wmX25519,
        uint64 wmNotAfter
    ) Ownable(owner_) {
        _setApprover(approver, true);
        _setWMKey(wmEd25519, wmX25519, wmNotAfter);
    }

    function setWMKey(bytes32 ed25519, bytes32 x25519, uint64 notAfter) external onlyOwner {
        _setWMKey(ed25519, x25519, notAfter);
    }

    function setApprover(address account, bool allowed) external onlyOwner {
        _setApprover(account, allowed);
    }

    function setPredecessor(address registry) external onlyOwner {
        _setPredecessor(registry);
    }

    function setSuccessor(address registry) external onlyOwner {
        _setSuccessor(registry);
    }

    function revokePass(bytes16 passId) external onlyApprover {
        _revokePass(passId);
    }

    function revokePasses(bytes16[] calldata passIds) external onlyApprover {
        if (passIds.length > MAX_BATCH) revert BatchTooLarge(passIds.length, MAX_BATCH);
        for (uint256 i = 0; i < passIds.length; i++) {
            _revokePass(passIds[i]);
        }
    }

    function renounceOwnership() public pure override {
        revert OwnerRequired();
    }

    function getWMKey() external view returns (WMKey memory current, WMKey memory previous) {
        return (_wmKey(_wmCurrent), _wmKey(_wmPrevious));
    }

    function logHead() external view returns (bytes24 head, uint64 count) {
        uint256 w = _logHead;
        return (bytes24(bytes32(w)), uint64(w));
    }

    function isApprover(address account) external view returns (bool) {
        return _approvers[account];
    }

    function _revokePass(bytes16 passId) private {
        _log(LogKind.PassRevoked, bytes32(passId), 0);
        emit PassRevoked(passId);
    }

    function _setApprover(address account, bool allowed) private {
        if (account == address(0)) revert ZeroAccount();
        _approvers[account] = allowed;
        emit ApproverSet(account, allowed);
    }

    function _setWMKey(bytes32 ed25519, bytes32 x25519, uint64 notAfter) private {
        if (ed25519 == 0 || x25519 == 0) revert ZeroKey();
        if (notAfter <= block.timestamp) revert BadExpiry(notAfter);
        uint32 keyId = uint32(_wmCurrent.meta >> 64) + 1;
        _wmPrevious = _wmCurrent;
        _wmCurrent = WMKeySlots((uint256(keyId) << 64) | notAfter, ed25519, x25519);
        _log(
            LogKind.WMKeySet,
            bytes32(uint256(keyId)),
            keccak256(abi.encode(ed25519, x25519, notAfter))
        );
        emit WMKeySet(keyId, ed25519, x25519, notAfter);
    }

    function _wmKey(WMKeySlots storage k) private view returns (WMKey memory) {
        uint256 meta = k.meta;
        return WMKey(uint32(meta >> 64), uint64(meta), k.ed25519, k.x25519);
    }
}
