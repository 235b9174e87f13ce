// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Fixture} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";

/// @title The storage that proofs read, against the layout written in IRegistry, word by word.
contract LayoutTest is Fixture {
    function both() private pure returns (IRegistry.RelayParams memory p) {
        p.listenIPv4 = 0x01020304;
        p.listenIPv6 = 0x20010db8000000000000000000000001;
        p.listenPort = 0x1111;
        p.relayIPv4 = 0x05060708;
        p.relayIPv6 = 0x20010db8000000000000000000000002;
        p.portMin = 0x2222;
        p.portMax = 0x3333;
        p.key = bytes32(uint256(0x4444));
    }

    function test_deviceIsTwoWordsUnderItsIdentity() public {
        Terms memory t = terms();
        (t.backupRelay, t.backupPort) = (relay, 50_002);
        register(t, DEVICE_KEY);
        uint256 base = at(NAME, 0);
        uint256 w = slot(base);
        vm.assertEq(address(uint160(w >> 96)), vm.addr(DEVICE_KEY));
        vm.assertEq((w >> 92) & 0xf, 2, "state");
        vm.assertEq((w >> 76) & 0xffff, TODAY + 30, "expiryDay");
        vm.assertEq((w >> 60) & 0xffff, 1, "sequence");
        vm.assertEq((w >> 46) & 0x3fff, relay, "relay");
        vm.assertEq((w >> 30) & 0xffff, 50_001, "port");
        vm.assertEq((w >> 16) & 0x3fff, relay, "backupRelay");
        vm.assertEq(w & 0xffff, 50_002, "backupPort");
        vm.assertEq(slot(base + 1), uint256(KEY), "key");
    }

    function test_missingDeviceIsTwoZeroWords() public view {
        uint256 base = at(keccak256("nobody"), 0);
        vm.assertEq(slot(base), 0);
        vm.assertEq(slot(base + 1), 0);
    }

    function test_relayIsFourWordsUnderItsIndex() public {
        uint16 index = addRelay(both());
        uint256 base = at(bytes32(uint256(index)), 1);
        vm.assertEq(
            bytes32(slot(base)),
            bytes32(
                abi.encodePacked(
                    RELAY_OWNER,
                    uint8(2),
                    uint16(0x1111),
                    uint16(0x2222),
                    uint16(0x3333),
                    uint16(TODAY + 365),
                    index,
                    uint8(0)
                )
            )
        );
        vm.assertEq(
            slot(base + 1), 0x0102030405060708000000000000000000000000000000000000000000000000
        );
        vm.assertEq(
            slot(base + 2), 0x20010db800000000000000000000000120010db8000000000000000000000002
        );
        vm.assertEq(slot(base + 3), 0x4444);
    }

    function test_pendingRelayStandsUnderItsIdAndItsDigestIsOfItsWords() public {
        IRegistry.RelayParams memory p = both();
        p.index = relay;
        bytes32 id = propose(p);
        uint256 base = at(id, 2);
        uint256 w = slot(base);
        vm.assertEq((w >> 88) & 0xff, 1, "state");
        vm.assertEq((w >> 24) & 0xffff, 0, "expiryDay");
        vm.assertEq((w >> 8) & 0xffff, relay, "index");
        uint256 masked = w & ~(uint256(0xff) << 88 | uint256(0xffff) << 24);
        vm.assertEq(
            digestOf(id),
            keccak256(abi.encode(masked, slot(base + 1), slot(base + 2), slot(base + 3)))
        );
        approve(id, TODAY + 1);
        for (uint256 i = 0; i < 4; i++) {
            vm.assertEq(slot(base + i), 0, "an approved proposal is left behind");
        }
    }

    function test_wmKeysStandInSlotsThreeToEight() public {
        vm.assertEq(slot(3), (1 << 64) | uint256(WM_NOT_AFTER));
        vm.assertEq(slot(4), uint256(WM_ED));
        vm.assertEq(slot(5), uint256(WM_X));
        vm.assertEq(slot(6) | slot(7) | slot(8), 0);
        vm.prank(OWNER);
        registry.setWMKey(bytes32(uint256(5)), bytes32(uint256(6)), WM_NOT_AFTER + 1);
        vm.assertEq(slot(3), (2 << 64) | uint256(WM_NOT_AFTER + 1));
        vm.assertEq(slot(4), 5);
        vm.assertEq(slot(5), 6);
        vm.assertEq(slot(6), (1 << 64) | uint256(WM_NOT_AFTER));
        vm.assertEq(slot(7), uint256(WM_ED));
        vm.assertEq(slot(8), uint256(WM_X));
    }

    function test_countersAndListsStandInSlotsNineToTwelve() public view {
        vm.assertEq(slot(9) & type(uint64).max, 2, "log count: the key and the relay");
        vm.assertEq(slot(10), relay, "highest index");
        uint256 list = at(bytes32(AT), 11); // bytes16 keys stand left-aligned
        vm.assertEq(slot(list), 1, "relays at the address");
        vm.assertEq(slot(uint256(keccak256(abi.encode(list)))), relay);
        vm.assertEq(slot(at(bytes32(uint256(uint160(APPROVER))), 12)), 1, "approver");
    }
}
