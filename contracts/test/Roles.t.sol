// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Fixture} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";

/// @title Claims about who may do what, and about the wallet manager's keys.
contract RolesTest is Fixture {
    function expectOnlyApprover(address caller, bytes memory call) private {
        vm.prank(caller);
        (bool ok, bytes memory answer) = address(registry).call(call);
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSelector(IRegistry.NotApprover.selector, caller));
    }

    function test_approversFunctionsAreTheirsAlone() public {
        bytes[] memory calls = new bytes[](9);
        calls[0] = abi.encodeCall(IRegistry.approveServer, (0, 0, TODAY));
        calls[1] = abi.encodeCall(IRegistry.renewServer, (relay, TODAY));
        calls[2] = abi.encodeCall(IRegistry.revokeServer, (relay));
        calls[3] = abi.encodeCall(IRegistry.reinstateServer, (relay));
        calls[4] = abi.encodeCall(IRegistry.registerClients, (new IRegistry.Registration[](0)));
        calls[5] = abi.encodeCall(IRegistry.revokeClient, (NAME));
        calls[6] = abi.encodeCall(IRegistry.revokeClients, (new bytes32[](0)));
        calls[7] = abi.encodeCall(IRegistry.revokePass, (bytes16(0)));
        calls[8] = abi.encodeCall(IRegistry.revokePasses, (new bytes16[](0)));
        for (uint256 i = 0; i < calls.length; i++) {
            expectOnlyApprover(STRANGER, calls[i]);
            expectOnlyApprover(OWNER, calls[i]);
        }
    }

    function expectOnlyOwner(bytes memory call) private {
        vm.prank(APPROVER);
        (bool ok, bytes memory answer) = address(registry).call(call);
        vm.assertFalse(ok);
        vm.assertEq(
            answer, abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, APPROVER)
        );
    }

    function test_ownersFunctionsAreTheirsAlone() public {
        expectOnlyOwner(abi.encodeCall(IRegistry.setApprover, (STRANGER, true)));
        expectOnlyOwner(abi.encodeCall(IRegistry.setWMKey, (WM_ED, WM_X, WM_NOT_AFTER)));
    }

    function test_dismissedApproverLosesItsRights() public {
        vm.assertTrue(registry.isApprover(APPROVER));
        vm.prank(OWNER);
        registry.setApprover(APPROVER, false);
        vm.assertFalse(registry.isApprover(APPROVER));
        expectOnlyApprover(APPROVER, abi.encodeCall(IRegistry.revokeServer, (relay)));
    }

    function test_ownershipMovesInTwoSteps() public {
        vm.prank(OWNER);
        registry.transferOwnership(STRANGER);
        vm.assertEq(registry.owner(), OWNER);
        vm.prank(STRANGER);
        registry.acceptOwnership();
        vm.assertEq(registry.owner(), STRANGER);
    }

    function test_ownershipCannotBeGivenUp() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.OwnerRequired.selector));
        vm.prank(OWNER);
        registry.renounceOwnership();
    }

    function test_zeroApproverIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ZeroAccount.selector));
        vm.prank(OWNER);
        registry.setApprover(address(0), true);
    }

    function test_firstWMKeyHasNoPredecessor() public view {
        (IRegistry.WMKey memory current, IRegistry.WMKey memory previous) = registry.getWMKey();
        vm.assertEq(abi.encode(current), abi.encode(1, WM_NOT_AFTER, WM_ED, WM_X));
        vm.assertEq(abi.encode(previous), abi.encode(0, 0, 0, 0));
    }

    function test_newWMKeyKeepsTheOneBefore() public {
        for (uint256 i = 2; i <= 3; i++) {
            vm.prank(OWNER);
            registry.setWMKey(bytes32(i), bytes32(i * 16), WM_NOT_AFTER + uint64(i));
        }
        (IRegistry.WMKey memory current, IRegistry.WMKey memory previous) = registry.getWMKey();
        vm.assertEq(abi.encode(current), abi.encode(3, WM_NOT_AFTER + 3, 3, 48));
        vm.assertEq(abi.encode(previous), abi.encode(2, WM_NOT_AFTER + 2, 2, 32));
    }

    function test_zeroWMKeysAreRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ZeroKey.selector));
        vm.prank(OWNER);
        registry.setWMKey(0, WM_X, WM_NOT_AFTER);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ZeroKey.selector));
        vm.prank(OWNER);
        registry.setWMKey(WM_ED, 0, WM_NOT_AFTER);
    }

    function test_expiredWMKeyIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.BadExpiry.selector, NOW));
        vm.prank(OWNER);
        registry.setWMKey(WM_ED, WM_X, uint64(NOW));
    }

    function test_deploymentChecksItsArguments() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ZeroKey.selector));
        deploy(OWNER, APPROVER, 0, WM_X, WM_NOT_AFTER);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ZeroAccount.selector));
        deploy(OWNER, address(0), WM_ED, WM_X, WM_NOT_AFTER);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableInvalidOwner.selector, address(0)));
        deploy(address(0), APPROVER, WM_ED, WM_X, WM_NOT_AFTER);
    }
}
