// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Fixture} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";
import {Pack} from "../src/Pack.sol";

/// @title Packing over random fields: nothing is lost, and no field touches its neighbour.
contract PackTest is Fixture {
    function setUp() public override {}

    function testFuzz_relayWordHoldsItsFields(
        address owner,
        uint8 state,
        uint16 expiry,
        uint16 index,
        IRegistry.RelayParams memory p
    ) public pure {
        state %= 5;
        p.index = index;
        uint256 w = Pack.withRelayExpiry(Pack.relayWord0(owner, state, p), expiry);
        vm.assertEq(
            bytes32(w),
            bytes32(
                abi.encodePacked(
                    owner, state, p.listenPort, p.portMin, p.portMax, expiry, index, uint8(0)
                )
            )
        );
        vm.assertEq(Pack.relayOwner(w), owner);
        vm.assertEq(uint256(Pack.relayState(w)), state);
        vm.assertEq(Pack.relayListenPort(w), p.listenPort);
        vm.assertEq(Pack.relayPortMin(w), p.portMin);
        vm.assertEq(Pack.relayPortMax(w), p.portMax);
        vm.assertEq(Pack.relayExpiryDay(w), expiry);
        vm.assertEq(Pack.relayIndex(w), index);
    }

    function testFuzz_relaySettersChangeOnlyTheirField(uint256 w, uint16 value, uint8 state)
        public
        pure
    {
        IRegistry.RelayState s = IRegistry.RelayState(state % 5);
        vm.assertEq(Pack.withRelayState(w, s) ^ w, (w ^ uint256(s) << 88) & (0xff << 88));
        vm.assertEq(Pack.withRelayExpiry(w, value) ^ w, (w ^ uint256(value) << 24) & (0xffff << 24));
        vm.assertEq(Pack.withRelayIndex(w, value) ^ w, (w ^ uint256(value) << 8) & (0xffff << 8));
    }

    function testFuzz_relayAddressesComeBack(uint32 a, uint32 b, uint128 c, uint128 d) public pure {
        uint256 w1 = Pack.relayWord1(a, b);
        uint256 w2 = Pack.relayWord2(c, d);
        vm.assertEq(Pack.listenIPv4(w1), a);
        vm.assertEq(Pack.relayIPv4(w1), b);
        vm.assertEq(w1 << 64, 0);
        vm.assertEq(Pack.listenIPv6(w2), c);
        vm.assertEq(Pack.relayIPv6(w2), d);
    }

    function testFuzz_deviceWordHoldsItsFields(
        address wallet,
        uint8 state,
        uint16[6] memory f // expiryDay, sequence, relay, port, backupRelay, backupPort
    )
        public
        pure
    {
        state %= 4;
        f[2] &= 0x3fff;
        f[4] &= 0x3fff;
        uint256 relays = Pack.termsRelays(Pack.terms(0xffff, f[2], f[3], f[4], f[5]));
        uint256 w = Pack.deviceWord0(wallet, IRegistry.DeviceState(state), f[0], f[1], relays);
        vm.assertEq(Pack.deviceWallet(w), wallet);
        vm.assertEq(uint256(Pack.deviceState(w)), state);
        vm.assertEq(Pack.deviceExpiryDay(w), f[0]);
        vm.assertEq(Pack.deviceSequence(w), f[1]);
        vm.assertEq(Pack.deviceRelay(w), f[2]);
        vm.assertEq(Pack.devicePort(w), f[3]);
        vm.assertEq(Pack.deviceBackupRelay(w), f[4]);
        vm.assertEq(Pack.deviceBackupPort(w), f[5]);
    }

    function testFuzz_revocationChangesOnlyTheState(uint256 w) public pure {
        uint256 revoked = Pack.withDeviceState(w, IRegistry.DeviceState.Revoked);
        vm.assertEq((revoked ^ w) & ~(uint256(0xf) << 92), 0);
        vm.assertEq((revoked >> 92) & 0xf, 3);
    }

    function testFuzz_changesChangeOnlyTheirField(uint256 w, uint16 sequence, uint256 relays)
        public
        pure
    {
        relays &= (uint256(1) << 60) - 1;
        uint256 next = Pack.withDeviceSequence(w, sequence);
        vm.assertEq((next ^ w) & ~(uint256(0xffff) << 60), 0);
        vm.assertEq(Pack.deviceSequence(next), sequence);
        uint256 moved = Pack.withDeviceRelays(w, relays);
        vm.assertEq((moved ^ w) >> 60, 0);
        vm.assertEq(moved & ((uint256(1) << 60) - 1), relays);
    }

    function testFuzz_stateIsWhatItIsComparedWith(uint256 w, uint8 state) public pure {
        state %= 4;
        vm.assertTrue(
            Pack.isDeviceState(
                Pack.withDeviceState(w, IRegistry.DeviceState(state)), IRegistry.DeviceState(state)
            )
        );
        IRegistry.DeviceState other = IRegistry.DeviceState((state + 1) % 4);
        vm.assertFalse(
            Pack.isDeviceState(Pack.withDeviceState(w, IRegistry.DeviceState(state)), other)
        );
    }

    function testFuzz_deviceDigestLeavesOutTheStateAlone(uint256 w, bytes32 key, uint8 bit)
        public
        pure
    {
        bool masked = bit >= 92 && bit < 96;
        bytes32 digest = Pack.deviceDigest(w, key);
        bytes32 other = Pack.deviceDigest(w ^ (uint256(1) << bit), key);
        vm.assertTrue((digest == other) == masked);
        vm.assertTrue(digest != Pack.deviceDigest(w, key ^ bytes32(uint256(1) << bit)));
        vm.assertEq(digest, keccak256(abi.encodePacked(w & ~(uint256(0xf) << 92), key)));
    }

    function testFuzz_termsAreReadWhereTheyStand(uint64 deadline, uint16[6] memory f) public pure {
        uint256 t = uint256(
            bytes32(abi.encodePacked(deadline, f[0], f[1], f[2], f[3], f[4], f[5], uint96(0)))
        );
        vm.assertEq(Pack.termsDeadline(t), deadline);
        vm.assertEq(Pack.termsExpiryDay(t), f[0]);
        vm.assertEq(Pack.termsSequence(t), f[1]);
        vm.assertEq(Pack.termsRelay(t), f[2]);
        vm.assertEq(Pack.termsPort(t), f[3]);
        vm.assertEq(Pack.termsBackupRelay(t), f[4]);
        vm.assertEq(Pack.termsBackupPort(t), f[5]);
    }
}
