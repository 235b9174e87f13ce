// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Fixture} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";
import {Registry} from "../src/Registry.sol";

/// @title Records move from one contract to the next as they are, and nobody makes one up.
contract MovesTest is Fixture {
    Registry private next;

    function setUp() public override {
        super.setUp();
        next = deploy(OWNER, APPROVER, WM_ED, WM_X, WM_NOT_AFTER);
        vm.prank(OWNER);
        next.setPredecessor(address(registry));
    }

    function relays(uint16 index) private pure returns (uint16[] memory list) {
        list = new uint16[](1);
        list[0] = index;
    }

    function names(bytes32 name) private pure returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = name;
    }

    function adoptRelay(uint16 index) private {
        vm.prank(APPROVER);
        next.adoptServers(relays(index));
    }

    function adopt(bytes32 name) private returns (uint256) {
        vm.prank(APPROVER);
        return next.adoptClients(names(name));
    }

    function same(uint256 base, uint256 words) private view {
        for (uint256 i = 0; i < words; i++) {
            vm.assertEq(
                vm.load(address(registry), bytes32(base + i)),
                vm.load(address(next), bytes32(base + i))
            );
        }
    }

    function test_relayKeepsIndexAndEveryWord() public {
        IRegistry.RelayParams memory p = relayParams();
        p.portMin = 51_000;
        p.portMax = 51_999;
        uint16 second = addRelay(p);
        adoptRelay(second);
        same(at(bytes32(uint256(second)), 1), 4);
        vm.assertEq(next.serversCount(), second);
        vm.assertTrue(next.getServer(second).live);
        vm.assertFalse(next.getServer(1).live);
        adoptRelay(1);
        vm.assertEq(next.serversCount(), second);
        (, uint64 count) = next.logHead();
        vm.assertEq(count, 3, "the first key and two relays");
    }

    function test_relayTakesItsPorts() public {
        adoptRelay(relay);
        vm.prank(RELAY_OWNER);
        bytes32 id = next.registerServer(salt(relayParams()), relayParams());
        (, bytes32 digest) = next.getPending(id);
        vm.prank(APPROVER);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.RangeTaken.selector, relay));
        next.approveServer(id, digest, TODAY + 1);
    }

    function test_relayIsTakenOverOnceAndOnlyWhileItLives() public {
        adoptRelay(relay);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.IndexTaken.selector, relay));
        adoptRelay(relay);
        IRegistry.RelayParams memory p = relayParams();
        p.portMin = 51_000;
        p.portMax = 51_999;
        uint16 second = addRelay(p);
        vm.prank(APPROVER);
        registry.revokeServer(second);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistry.WrongState.selector, second, IRegistry.RelayState.Revoked
            )
        );
        adoptRelay(second);
    }

    function test_deviceKeepsEveryWord() public {
        register(terms(), DEVICE_KEY);
        adoptRelay(relay);
        vm.assertEq(adopt(NAME), 1);
        same(at(NAME, 0), 2);
        vm.assertTrue(next.getClient(NAME).live);
    }

    function test_deviceWithoutItsRelayHereKeepsNameAndKey() public {
        register(terms(), DEVICE_KEY);
        vm.assertEq(adopt(NAME), 1);
        IRegistry.Client memory c = next.getClient(NAME);
        vm.assertEq(c.wallet, vm.addr(DEVICE_KEY));
        vm.assertEq(c.key, KEY);
        vm.assertEq(c.sequence, 1);
        vm.assertEq(c.relay, 0);
        vm.assertEq(c.port, 0);
    }

    function test_deviceIsTakenOverOnceAlsoAfterItsRevocation() public {
        register(terms(), DEVICE_KEY);
        vm.assertEq(adopt(NAME), 1);
        vm.assertEq(adopt(NAME), 0);
        vm.prank(APPROVER);
        next.revokeClient(NAME);
        vm.assertEq(adopt(NAME), 0);
        vm.assertFalse(next.getClient(NAME).live);
    }

    function test_whatDoesNotLiveStaysBehind() public {
        vm.assertEq(adopt(NAME), 0, "nobody");
        register(terms(), DEVICE_KEY);
        vm.prank(APPROVER);
        registry.revokeClient(NAME);
        vm.assertEq(adopt(NAME), 0, "revoked");
        vm.assertEq(uint256(next.getClient(NAME).state), 0);
    }

    function test_batchGoesOnBehindWhatIsSkipped() public {
        register(terms(), DEVICE_KEY);
        bytes32[] memory list = new bytes32[](2);
        list[0] = keccak256("nobody");
        list[1] = NAME;
        vm.expectEmit(true, false, false, true, address(next));
        emit IRegistry.ClientSkipped(list[0], IRegistry.SkipReason.NotLive);
        vm.prank(APPROVER);
        vm.assertEq(next.adoptClients(list), 1);
    }

    function test_onlyApproversTakeOverAndOnlyTheOwnerSaysFromWhere() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotApprover.selector, address(this)));
        next.adoptClients(names(NAME));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotApprover.selector, address(this)));
        next.adoptServers(relays(1));
        bytes memory refusal =
            abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", APPROVER);
        vm.expectRevert(refusal);
        vm.prank(APPROVER);
        next.setPredecessor(address(0));
        vm.expectRevert(refusal);
        vm.prank(APPROVER);
        registry.setSuccessor(address(next));
    }

    function test_withoutPredecessorNothingIsTakenOver() public {
        vm.prank(OWNER);
        next.setPredecessor(address(0));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NoPredecessor.selector));
        adopt(NAME);
    }

    function test_successorIsReadInItsSlot() public {
        vm.prank(OWNER);
        registry.setSuccessor(address(next));
        vm.assertEq(registry.successor(), address(next));
        vm.assertEq(next.predecessor(), address(registry));
        vm.assertEq(
            vm.load(address(registry), bytes32(uint256(18))),
            bytes32(uint256(uint160(address(next))))
        );
        vm.assertEq(
            vm.load(address(next), bytes32(uint256(17))),
            bytes32(uint256(uint160(address(registry))))
        );
    }

    function test_contractDoesNotFollowItself() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.OwnSuccessor.selector));
        vm.prank(OWNER);
        registry.setSuccessor(address(registry));
    }
}
