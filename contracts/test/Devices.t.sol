// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Fixture} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";

/// @title Claims about devices' records.
contract DevicesTest is Fixture {
    function test_registeredDeviceIsFound() public {
        vm.expectEmit(true, true, false, false, address(registry));
        emit IRegistry.ClientRegistered(NAME, vm.addr(DEVICE_KEY), 0);
        register(terms(), DEVICE_KEY);
        IRegistry.Client memory c = registry.getClient(NAME);
        vm.assertEq(c.wallet, vm.addr(DEVICE_KEY));
        vm.assertTrue(c.live);
        vm.assertEq(uint256(c.state), uint256(IRegistry.DeviceState.Approved));
        vm.assertEq(c.expiryDay, TODAY + 30);
        vm.assertEq(c.sequence, 1);
        vm.assertEq(c.relay, relay);
        vm.assertEq(c.port, 50_001);
        vm.assertEq(c.key, KEY);
        vm.assertEq(registry.getClientPuk(NAME), KEY);
    }

    function test_missingNameIsACleanNotFound() public view {
        IRegistry.Client memory none;
        IRegistry.RelayedAddress memory nowhere;
        bytes32 missing = keccak256("nobody");
        vm.assertEq(abi.encode(registry.getClient(missing)), abi.encode(none));
        vm.assertEq(registry.getClientPuk(missing), 0);
        (IRegistry.RelayedAddress memory a, IRegistry.RelayedAddress memory b) =
            registry.getClientRelayedAddress(missing);
        vm.assertEq(abi.encode(a, b), abi.encode(nowhere, nowhere));
    }

    function test_relayedAddressComesFromTheRelaysRecord() public {
        IRegistry.RelayParams memory p = relayParams();
        (p.relayIPv4, p.listenIPv4) = (0xc633640c, 0xc633640c);
        uint16 second = addRelay(p);
        Terms memory t = terms();
        (t.backupRelay, t.backupPort) = (second, 50_777);
        register(t, DEVICE_KEY);
        (IRegistry.RelayedAddress memory a, IRegistry.RelayedAddress memory b) =
            registry.getClientRelayedAddress(NAME);
        vm.assertEq(abi.encode(a), abi.encode(relay, 0xc633640b, 0, 50_001));
        vm.assertEq(abi.encode(b), abi.encode(second, 0xc633640c, 0, 50_777));

        p.index = relay; // the first relay moves, and the device writes nothing
        (p.relayIPv4, p.listenIPv4) = (0xc633640d, 0xc633640d);
        addRelay(p);
        (a,) = registry.getClientRelayedAddress(NAME);
        vm.assertEq(abi.encode(a), abi.encode(relay, 0xc633640d, 0, 50_001));
    }

    function test_revokedRelayIsNoAddress() public {
        register(terms(), DEVICE_KEY);
        vm.prank(APPROVER);
        registry.revokeServer(relay);
        (IRegistry.RelayedAddress memory a,) = registry.getClientRelayedAddress(NAME);
        vm.assertEq(abi.encode(a), abi.encode(0, 0, 0, 0));
    }

    function test_deviceWithoutARelayMayCall() public {
        Terms memory t = terms();
        (t.relay, t.port) = (0, 0);
        register(t, DEVICE_KEY);
        vm.assertEq(registry.getClientPuk(NAME), KEY);
    }

    function test_sameWalletUpdatesItsLiveRecord() public {
        register(terms(), DEVICE_KEY);
        Terms memory t = terms();
        (t.sequence, t.key, t.port) = (1, bytes32(uint256(2)), 50_500);
        register(t, DEVICE_KEY);
        vm.assertEq(registry.getClientPuk(NAME), t.key);
        vm.assertEq(registry.getClient(NAME).sequence, 2);
    }

    function test_registrationCannotBeReplayed() public {
        IRegistry.Registration memory first = signed(terms(), DEVICE_KEY);
        submit(first);
        expectSkip(first, IRegistry.SkipReason.WrongSequence);
    }

    function test_liveNameOfAnotherWalletIsNotTaken() public {
        register(terms(), DEVICE_KEY);
        Terms memory t = terms();
        t.sequence = 1;
        expectSkip(t, OTHER_KEY, IRegistry.SkipReason.NameTaken);
        vm.assertEq(registry.getClient(NAME).wallet, vm.addr(DEVICE_KEY));
    }

    function test_revokedDeviceKeepsItsSequence() public {
        register(terms(), DEVICE_KEY);
        vm.prank(APPROVER);
        registry.revokeClient(NAME);
        IRegistry.Client memory c = registry.getClient(NAME);
        vm.assertEq(uint256(c.state), uint256(IRegistry.DeviceState.Revoked));
        vm.assertFalse(c.live);
        vm.assertEq(c.sequence, 1);
        vm.assertEq(registry.getClientPuk(NAME), 0);
        expectSkip(terms(), DEVICE_KEY, IRegistry.SkipReason.WrongSequence);
    }

    function test_revokedNameMayGoToAnotherWallet() public {
        register(terms(), DEVICE_KEY);
        vm.prank(APPROVER);
        registry.revokeClient(NAME);
        Terms memory t = terms();
        t.sequence = 1;
        register(t, OTHER_KEY);
        vm.assertEq(registry.getClient(NAME).wallet, vm.addr(OTHER_KEY));
        vm.assertEq(registry.getClient(NAME).sequence, 2);
    }

    function test_deviceExpiresAtTheEndOfItsDay() public {
        register(terms(), DEVICE_KEY);
        vm.warp((uint256(TODAY) + 31) * 1 days - 1);
        vm.assertTrue(registry.getClient(NAME).live);
        vm.warp((uint256(TODAY) + 31) * 1 days);
        vm.assertFalse(registry.getClient(NAME).live);
        vm.assertEq(registry.getClientPuk(NAME), 0);
        (IRegistry.RelayedAddress memory a,) = registry.getClientRelayedAddress(NAME);
        vm.assertEq(a.port, 0);
    }

    function test_expiredNameMayGoToAnotherWallet() public {
        register(terms(), DEVICE_KEY);
        vm.warp((uint256(TODAY) + 31) * 1 days);
        Terms memory t = terms();
        (t.sequence, t.expiryDay, t.deadline) = (1, TODAY + 60, uint64(block.timestamp));
        register(t, OTHER_KEY);
        vm.assertEq(registry.getClient(NAME).wallet, vm.addr(OTHER_KEY));
    }

    function test_badEntryIsSkippedAndItsNeighboursGoIn() public {
        IRegistry.Registration[] memory batch = new IRegistry.Registration[](3);
        Terms memory t = terms();
        t.identity = keccak256("one");
        batch[0] = signed(t, 1001);
        t.identity = keccak256("two");
        batch[1] = signed(t, 1002);
        (batch[1].r, batch[1].vs) = (0, 0);
        t.identity = keccak256("three");
        batch[2] = signed(t, 1003);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientSkipped(keccak256("two"), IRegistry.SkipReason.BadSignature);
        vm.prank(APPROVER);
        vm.assertEq(registry.registerClients(batch), 2);
        vm.assertEq(registry.getClient(keccak256("one")).wallet, vm.addr(1001));
        vm.assertEq(registry.getClient(keccak256("two")).wallet, address(0));
        vm.assertEq(registry.getClient(keccak256("three")).wallet, vm.addr(1003));
    }

    function test_highSIsABadSignature() public {
        IRegistry.Registration memory e = signed(terms(), DEVICE_KEY);
        e.vs = bytes32(type(uint256).max >> 1); // the largest s that the compact form can hold
        expectSkip(e, IRegistry.SkipReason.BadSignature);
        e.vs = bytes32(uint256(0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A1));
        expectSkip(e, IRegistry.SkipReason.BadSignature);
    }

    function test_changedFieldsChangeTheSigner() public {
        IRegistry.Registration memory e = signed(terms(), DEVICE_KEY);
        e.key = bytes32(uint256(666));
        submit(e); // recovers some other wallet, never the device's
        vm.assertTrue(registry.getClient(NAME).wallet != vm.addr(DEVICE_KEY));
    }

    function test_signatureForAnotherContractIsNotTheDevices() public {
        IRegistry.Registration memory e = signed(terms(), DEVICE_KEY);
        setUp(); // the same chain, another address
        submit(e);
        vm.assertTrue(registry.getClient(NAME).wallet != vm.addr(DEVICE_KEY));
    }

    function test_deadlineIsTheLastSecond() public {
        vm.warp(NOW + 601);
        expectSkip(terms(), DEVICE_KEY, IRegistry.SkipReason.DeadlinePassed);
        vm.warp(NOW + 600);
        register(terms(), DEVICE_KEY);
    }

    function test_wrongSequenceIsSkipped() public {
        Terms memory t = terms();
        t.sequence = 1;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.WrongSequence);
    }

    function test_lastSequenceNumberIsNeverUsed() public {
        uint256 where = at(NAME, 0);
        vm.store(address(registry), bytes32(where), bytes32(uint256(0xffff) << 60));
        Terms memory t = terms();
        t.sequence = 0xffff;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.WrongSequence);
    }

    function test_unknownRelayIsSkipped() public {
        Terms memory t = terms();
        t.relay = relay + 1;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.UnknownRelay);
        t = terms();
        (t.backupRelay, t.backupPort) = (16_384 + relay, 50_001); // would alias in 14 bits
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.UnknownRelay);
        vm.prank(APPROVER);
        registry.revokeServer(relay);
        expectSkip(terms(), DEVICE_KEY, IRegistry.SkipReason.UnknownRelay);
    }

    function test_portOutsideTheRelaysRangeIsSkipped() public {
        Terms memory t = terms();
        t.port = 49_999;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.PortOutOfRange);
        t.port = 51_000;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.PortOutOfRange);
        t = terms();
        t.backupPort = 50_001; // a port of no relay
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.PortOutOfRange);
    }

    function test_recordInThePastOrTooFarIsSkipped() public {
        Terms memory t = terms();
        t.expiryDay = TODAY - 1;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.AlreadyExpired);
        t.expiryDay = TODAY + 1097;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.TooFar);
        t.expiryDay = TODAY + 1096;
        register(t, DEVICE_KEY);
    }

    function test_badTermsAreSkipped() public {
        IRegistry.Registration memory e = signed(terms(), DEVICE_KEY);
        e.terms |= 1;
        expectSkip(e, IRegistry.SkipReason.BadTerms);
        Terms memory t = terms();
        t.key = 0;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.BadTerms);
        t = terms();
        t.identity = 0;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.BadTerms);
    }

    function test_batchIsBounded() public {
        IRegistry.Registration[] memory batch = new IRegistry.Registration[](257);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.BatchTooLarge.selector, 257, 256));
        vm.prank(APPROVER);
        registry.registerClients(batch);
        bytes32[] memory names = new bytes32[](257);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.BatchTooLarge.selector, 257, 256));
        vm.prank(APPROVER);
        registry.revokeClients(names);
    }

    function test_revokingAMissingNameIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotRegistered.selector, NAME));
        vm.prank(APPROVER);
        registry.revokeClient(NAME);
    }

    function test_batchRevocationSkipsMissingNames() public {
        register(terms(), DEVICE_KEY);
        bytes32[] memory names = new bytes32[](2);
        (names[0], names[1]) = (keccak256("nobody"), NAME);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientSkipped(names[0], IRegistry.SkipReason.NotRegistered);
        vm.prank(APPROVER);
        registry.revokeClients(names);
        vm.assertFalse(registry.getClient(NAME).live);
    }
}
