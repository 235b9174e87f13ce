// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Fixture, Vm} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";

/// @title The log: a feed of events is what the head says, entry by entry.
contract LogTest is Fixture {
    uint256 private head;
    uint256 private entries;

    function setUp() public override {
        vm.recordLogs(); // from the deployment on
        super.setUp();
    }

    /// @dev What a client does with an event feed before it believes it.
    function follow(Vm.Log[] memory feed) private {
        for (uint256 i = 0; i < feed.length; i++) {
            if (feed[i].topics[0] != IRegistry.Logged.selector) continue;
            (uint8 kind, bytes32 subject, bytes32 detail) =
                abi.decode(feed[i].data, (uint8, bytes32, bytes32));
            entries++;
            vm.assertEq(uint256(feed[i].topics[1]), entries, "a number was left out");
            bytes32 h = keccak256(abi.encode(bytes32(head), uint256(kind), subject, detail));
            head = (uint256(h) & ~uint256(type(uint64).max)) | entries;
        }
    }

    function expectEntry(IRegistry.LogKind kind, bytes32 subject, bytes32 detail) private {
        vm.expectEmit(true, false, false, true, address(registry));
        (, uint64 count) = registry.logHead();
        emit IRegistry.Logged(count + 1, uint8(kind), subject, detail);
    }

    function test_deploymentLogsTheFirstKey() public {
        vm.expectEmit(true, false, false, true);
        emit IRegistry.Logged(
            1, 7, bytes32(uint256(1)), keccak256(abi.encode(WM_ED, WM_X, WM_NOT_AFTER))
        );
        deploy(OWNER, APPROVER, WM_ED, WM_X, WM_NOT_AFTER);
    }

    function test_headIsRecomputedFromTheFeed() public {
        register(terms(), DEVICE_KEY);
        vm.prank(APPROVER);
        registry.revokeClient(NAME);
        vm.prank(APPROVER);
        registry.revokeServer(relay);
        vm.prank(APPROVER);
        registry.reinstateServer(relay);
        vm.prank(RELAY_OWNER);
        registry.withdrawServer(relay);
        bytes16[] memory passes = new bytes16[](2);
        (passes[0], passes[1]) = (bytes16("pass one"), bytes16("pass two"));
        vm.prank(APPROVER);
        registry.revokePasses(passes);
        vm.prank(OWNER);
        registry.setWMKey(WM_X, WM_ED, WM_NOT_AFTER);

        follow(vm.getRecordedLogs());
        vm.assertEq(entries, 9);
        vm.assertEq(slot(9), head);
        (bytes24 top, uint64 count) = registry.logHead();
        vm.assertEq(uint256(bytes32(top)) | count, head);
    }

    function test_relayEntriesSayWhichRelayAndWhatWasApproved() public {
        bytes32 index = bytes32(uint256(relay));
        IRegistry.RelayParams memory p = relayParams();
        p.index = relay;
        bytes32 id = propose(p);
        bytes32 digest = digestOf(id);
        expectEntry(IRegistry.LogKind.RelayApproved, index, digest);
        vm.prank(APPROVER);
        registry.approveServer(id, digest, TODAY + 1);
        expectEntry(IRegistry.LogKind.RelayRevoked, index, 0);
        vm.prank(APPROVER);
        registry.revokeServer(relay);
        expectEntry(IRegistry.LogKind.RelayReinstated, index, 0);
        vm.prank(APPROVER);
        registry.reinstateServer(relay);
        expectEntry(IRegistry.LogKind.RelayWithdrawn, index, 0);
        vm.prank(RELAY_OWNER);
        registry.withdrawServer(relay);
    }

    function test_passIdStandsLeftAligned() public {
        bytes16 pass = 0x000102030405060708090a0b0c0d0e0f;
        expectEntry(
            IRegistry.LogKind.PassRevoked,
            0x000102030405060708090a0b0c0d0e0f00000000000000000000000000000000,
            0
        );
        vm.prank(APPROVER);
        registry.revokePass(pass);
    }

    function test_kindsKeepTheirNumbers() public pure {
        vm.assertEq(uint256(IRegistry.LogKind.RelayApproved), 1);
        vm.assertEq(uint256(IRegistry.LogKind.RelayRevoked), 2);
        vm.assertEq(uint256(IRegistry.LogKind.RelayWithdrawn), 3);
        vm.assertEq(uint256(IRegistry.LogKind.RelayReinstated), 4);
        vm.assertEq(uint256(IRegistry.LogKind.PassRevoked), 5);
        vm.assertEq(uint256(IRegistry.LogKind.ClientRevoked), 6);
        vm.assertEq(uint256(IRegistry.LogKind.WMKeySet), 7);
    }

    function test_refusedCallsLogNothing() public {
        uint256 before = slot(9);
        vm.prank(STRANGER);
        (bool ok,) = address(registry).call(abi.encodeCall(IRegistry.revokePass, (bytes16("pass"))));
        vm.assertFalse(ok);
        vm.assertEq(slot(9), before);
    }
}
