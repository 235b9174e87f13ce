// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Fixture} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";

/// @title Claims about relays' records.
contract RelaysTest is Fixture {
    function other() private pure returns (IRegistry.RelayParams memory p) {
        p = relayParams();
        p.listenPort = 3479;
        p.portMin = 51_000;
        p.portMax = 51_999;
    }

    function state(uint16 index) private view returns (uint256) {
        return uint256(registry.getServer(index).state);
    }

    function test_pendingReservesNothing() public {
        bytes32 mine = propose(other());
        IRegistry.RelayParams memory p = other();
        vm.prank(STRANGER);
        bytes32 theirs = registry.registerServer(0, p);
        uint16 index = approve(theirs, TODAY + 1);
        vm.assertEq(registry.getServer(index).owner, STRANGER);
        vm.assertEq(registry.serversCount(), 2);
        bytes32 digest = digestOf(mine);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.RangeTaken.selector, index));
        vm.prank(APPROVER);
        registry.approveServer(mine, digest, TODAY + 1);
    }

    function test_pendingIdIsOwnerAndSalt() public {
        IRegistry.RelayParams memory p = other();
        vm.prank(RELAY_OWNER);
        bytes32 id = registry.registerServer("salt", p);
        vm.assertEq(id, keccak256(abi.encode(RELAY_OWNER, bytes32("salt"))));
    }

    function test_proposalOfAnotherIsNotOverwritten() public {
        IRegistry.RelayParams memory p = other();
        vm.prank(RELAY_OWNER);
        bytes32 mine = registry.registerServer("salt", p);
        p.key = bytes32(uint256(666));
        vm.prank(STRANGER);
        registry.registerServer("salt", p);
        (IRegistry.Server memory s,) = registry.getPending(mine);
        vm.assertEq(s.key, other().key);
        vm.assertEq(s.owner, RELAY_OWNER);
    }

    function test_approvalBindsWhatWasChecked() public {
        IRegistry.RelayParams memory p = other();
        vm.prank(RELAY_OWNER);
        bytes32 id = registry.registerServer("salt", p);
        bytes32 checkedDigest = digestOf(id);
        p.key = bytes32(uint256(666));
        vm.prank(RELAY_OWNER);
        registry.registerServer("salt", p);
        vm.expectRevert(
            abi.encodeWithSelector(IRegistry.DigestMismatch.selector, checkedDigest, digestOf(id))
        );
        vm.prank(APPROVER);
        registry.approveServer(id, checkedDigest, TODAY + 1);
    }

    function test_approvalConsumesTheProposal() public {
        bytes32 id = propose(other());
        bytes32 digest = digestOf(id);
        approve(id, TODAY + 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotPending.selector, id));
        vm.prank(APPROVER);
        registry.approveServer(id, digest, TODAY + 1);
    }

    function test_cancelledProposalIsGone() public {
        bytes32 id = propose(other());
        bytes32 digest = digestOf(id);
        vm.prank(RELAY_OWNER);
        registry.cancelServer(salt(other()));
        vm.assertEq(digestOf(id), 0);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotPending.selector, id));
        vm.prank(APPROVER);
        registry.approveServer(id, digest, TODAY + 1);
    }

    function test_cancellingNothingIsRefused() public {
        bytes32 id = keccak256(abi.encode(STRANGER, bytes32(0)));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotPending.selector, id));
        vm.prank(STRANGER);
        registry.cancelServer(0);
    }

    function expectRangeTaken(IRegistry.RelayParams memory p) private {
        bytes32 id = propose(p);
        bytes32 digest = digestOf(id);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.RangeTaken.selector, relay));
        vm.prank(APPROVER);
        registry.approveServer(id, digest, TODAY + 1);
    }

    function test_overlappingRangesOnOneAddressAreRefused() public {
        uint16[2][4] memory ranges =
            [[50_000, 50_999], [49_000, 50_000], [50_999, 52_000], [50_400, 50_500]];
        for (uint256 i = 0; i < 4; i++) {
            IRegistry.RelayParams memory p = relayParams();
            (p.portMin, p.portMax) = (ranges[i][0], ranges[i][1]);
            expectRangeTaken(p);
        }
        vm.assertEq(registry.serversCount(), 1);
    }

    function test_disjointRangesOnOneAddressAreAllowed() public {
        vm.assertEq(addRelay(other()), 2);
        IRegistry.RelayParams memory p = relayParams();
        (p.portMin, p.portMax) = (49_000, 49_999);
        vm.assertEq(addRelay(p), 3);
    }

    function test_overlapIsSeenOnIPv6Too() public {
        IRegistry.RelayParams memory p = relayParams();
        (p.listenIPv4, p.relayIPv4) = (0, 0);
        (p.listenIPv6, p.relayIPv6) = (0x20010db8 << 96 | 1, 0x20010db8 << 96 | 1);
        uint16 first = addRelay(p);
        p.key = bytes32(uint256(2));
        bytes32 id = propose(p);
        bytes32 digest = digestOf(id);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.RangeTaken.selector, first));
        vm.prank(APPROVER);
        registry.approveServer(id, digest, TODAY + 1);
    }

    function test_addressCarriesEightRelays() public {
        IRegistry.RelayParams memory p = relayParams();
        for (uint16 i = 1; i < 8; i++) {
            (p.portMin, p.portMax) = (40_000 + i * 100, 40_099 + i * 100);
            addRelay(p);
        }
        (p.portMin, p.portMax) = (30_000, 30_099);
        bytes32 id = propose(p);
        bytes32 digest = digestOf(id);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AddressFull.selector));
        vm.prank(APPROVER);
        registry.approveServer(id, digest, TODAY + 1);
    }

    function test_replacementKeepsItsIndex() public {
        IRegistry.RelayParams memory p = relayParams();
        p.index = relay;
        p.key = bytes32(uint256(0x4E2));
        p.relayIPv4 = p.listenIPv4 + 1;
        vm.assertEq(addRelay(p), relay);
        vm.assertEq(registry.serversCount(), 1);
        IRegistry.Server memory s = registry.getServer(relay);
        vm.assertEq(s.key, p.key);
        vm.assertEq(s.relayIPv4, p.relayIPv4);
        vm.assertEq(s.index, relay);
        vm.assertEq(slot(at(bytes32(AT), 11)), 0, "the old address is still held");
    }

    function test_replacementByAnotherIsRefused() public {
        IRegistry.RelayParams memory p = relayParams();
        p.index = relay;
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotRelayOwner.selector, relay, STRANGER));
        vm.prank(STRANGER);
        registry.registerServer(0, p);
    }

    function test_replacementOfAnIndexNeverGivenIsRefused() public {
        IRegistry.RelayParams memory p = relayParams();
        p.index = 7;
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotRelayOwner.selector, 7, RELAY_OWNER));
        vm.prank(RELAY_OWNER);
        registry.registerServer(0, p);
    }

    function test_revokedRelayFreesItsPorts() public {
        vm.prank(APPROVER);
        registry.revokeServer(relay);
        vm.assertEq(state(relay), uint256(IRegistry.RelayState.Revoked));
        vm.assertFalse(registry.getServer(relay).live);
        IRegistry.RelayParams memory p = relayParams();
        p.key = bytes32(uint256(9));
        vm.assertEq(addRelay(p), 2);
    }

    function test_reinstatedRelayIsLive() public {
        vm.prank(APPROVER);
        registry.revokeServer(relay);
        vm.prank(APPROVER);
        registry.reinstateServer(relay);
        vm.assertTrue(registry.getServer(relay).live);
        expectRangeTaken(relayParams());
    }

    function test_reinstatementIsRefusedWhenThePortsAreTaken() public {
        vm.prank(APPROVER);
        registry.revokeServer(relay);
        uint16 newer = addRelay(relayParams());
        vm.expectRevert(abi.encodeWithSelector(IRegistry.RangeTaken.selector, newer));
        vm.prank(APPROVER);
        registry.reinstateServer(relay);
    }

    function test_ownerWithdrawsAndNobodyReinstates() public {
        vm.prank(RELAY_OWNER);
        registry.withdrawServer(relay);
        vm.assertEq(state(relay), uint256(IRegistry.RelayState.Withdrawn));
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistry.WrongState.selector, relay, IRegistry.RelayState.Withdrawn
            )
        );
        vm.prank(APPROVER);
        registry.reinstateServer(relay);
    }

    function test_withdrawnRelayComesBackByApproval() public {
        vm.prank(RELAY_OWNER);
        registry.withdrawServer(relay);
        IRegistry.RelayParams memory p = relayParams();
        p.index = relay;
        vm.assertEq(addRelay(p), relay);
        vm.assertTrue(registry.getServer(relay).live);
    }

    function test_withdrawalByAnotherIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotRelayOwner.selector, relay, STRANGER));
        vm.prank(STRANGER);
        registry.withdrawServer(relay);
    }

    function test_revokingTwiceIsRefused() public {
        vm.prank(APPROVER);
        registry.revokeServer(relay);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistry.WrongState.selector, relay, IRegistry.RelayState.Revoked
            )
        );
        vm.prank(APPROVER);
        registry.revokeServer(relay);
    }

    function test_relayExpiresAtTheEndOfItsDay() public {
        vm.warp((uint256(TODAY) + 365) * 1 days + 1 days - 1);
        vm.assertTrue(registry.getServer(relay).live);
        vm.warp((uint256(TODAY) + 366) * 1 days);
        vm.assertFalse(registry.getServer(relay).live);
        vm.assertEq(state(relay), uint256(IRegistry.RelayState.Approved));
    }

    function test_renewalMovesTheExpiry() public {
        vm.prank(APPROVER);
        registry.renewServer(relay, TODAY + 700);
        vm.assertEq(registry.getServer(relay).expiryDay, TODAY + 700);
    }

    function expectBadExpiry(uint16 day) private {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.BadExpiry.selector, day));
        vm.prank(APPROVER);
        registry.renewServer(relay, day);
    }

    function test_expiryBeforeTodayOrTooFarIsRefused() public {
        expectBadExpiry(TODAY - 1);
        expectBadExpiry(TODAY + 1097);
        vm.prank(APPROVER);
        registry.renewServer(relay, TODAY + 1096);
        vm.prank(APPROVER);
        registry.renewServer(relay, TODAY);
    }

    function expectRefused(IRegistry.RelayParams memory p, bytes4 why) private {
        vm.expectRevert(abi.encodeWithSelector(why));
        vm.prank(RELAY_OWNER);
        registry.registerServer(0, p);
    }

    function test_badPortsAreRefused() public {
        IRegistry.RelayParams memory p = relayParams();
        p.listenPort = 0;
        expectRefused(p, IRegistry.BadPorts.selector);
        p = relayParams();
        p.portMin = p.portMax + 1;
        expectRefused(p, IRegistry.BadPorts.selector);
        p = relayParams();
        p.portMin = 1023;
        expectRefused(p, IRegistry.BadPorts.selector);
        p = relayParams();
        p.listenPort = p.portMax;
        expectRefused(p, IRegistry.BadPorts.selector);
    }

    function test_listeningPortInTheRangeOfAnotherAddressIsFine() public {
        IRegistry.RelayParams memory p = other();
        p.relayIPv4 = p.listenIPv4 + 1;
        p.listenPort = p.portMin;
        addRelay(p);
    }

    function test_badAddressesAreRefused() public {
        IRegistry.RelayParams memory p = relayParams();
        p.relayIPv4 = 0;
        expectRefused(p, IRegistry.BadAddress.selector);
        p = relayParams();
        p.listenIPv4 = 0;
        expectRefused(p, IRegistry.BadAddress.selector);
        p = relayParams();
        p.relayIPv6 = uint128(AT); // the IPv4 address by its second name
        expectRefused(p, IRegistry.BadAddress.selector);
    }

    function test_zeroKeyIsRefused() public {
        IRegistry.RelayParams memory p = relayParams();
        p.key = 0;
        expectRefused(p, IRegistry.ZeroKey.selector);
    }

    function test_indicesEndAtFourteenBits() public {
        vm.store(address(registry), bytes32(uint256(10)), bytes32(uint256(16_383)));
        bytes32 id = propose(other());
        bytes32 digest = digestOf(id);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NoIndexLeft.selector));
        vm.prank(APPROVER);
        registry.approveServer(id, digest, TODAY + 1);
    }

    function test_pagesCoverAllRelaysOnce() public {
        IRegistry.RelayParams memory p = relayParams();
        for (uint16 i = 1; i < 5; i++) {
            p.relayIPv4++;
            addRelay(p);
        }
        uint256 next = 1;
        while (next <= registry.serversCount()) {
            IRegistry.Server[] memory page = registry.getServers(next, 2);
            for (uint256 i = 0; i < page.length; i++) {
                vm.assertEq(page[i].index, next++);
            }
        }
        vm.assertEq(next, 6);
    }

    function test_pageBounds() public {
        vm.assertEq(registry.getServers(1, 64).length, 1);
        vm.assertEq(registry.getServers(1, 0).length, 0);
        vm.assertEq(registry.getServers(2, 64).length, 0);
        vm.assertEq(registry.getServers(type(uint256).max, 64).length, 0);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.BadPage.selector, 1, 65));
        registry.getServers(1, 65);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.BadPage.selector, 0, 1));
        registry.getServers(0, 1);
    }

    function test_unknownRelayIsCleanlyAbsent() public view {
        IRegistry.Server memory none;
        vm.assertEq(abi.encode(registry.getServer(99)), abi.encode(none));
    }
}
