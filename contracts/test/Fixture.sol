// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {IRegistry} from "../src/IRegistry.sol";
import {Registry} from "../src/Registry.sol";

/// @dev The cheat codes of forge that these tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function signCompact(uint256 key, bytes32 digest) external pure returns (bytes32 r, bytes32 vs);
    function warp(uint256 timestamp) external;
    function prank(address sender) external;
    function load(address target, bytes32 slot) external view returns (bytes32);
    function store(address target, bytes32 slot, bytes32 value) external;
    function expectRevert(bytes calldata data) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function assertEq(uint256 a, uint256 b) external pure;
    function assertEq(uint256 a, uint256 b, string calldata what) external pure;
    function assertEq(bytes32 a, bytes32 b) external pure;
    function assertEq(address a, address b) external pure;
    function assertEq(bytes calldata a, bytes calldata b) external pure;
    function assertTrue(bool condition) external pure;
    function assertFalse(bool condition) external pure;
}

/// @title A registry with one approved relay, and the hands that act on it.
abstract contract Fixture {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address internal constant OWNER = address(0x0E);
    address internal constant APPROVER = address(0xA9);
    address internal constant RELAY_OWNER = address(0x4E);
    address internal constant STRANGER = address(0x57);
    uint256 internal constant DEVICE_KEY = 0xD1;
    uint256 internal constant OTHER_KEY = 0xD2;
    bytes32 internal constant NAME = keccak256("lamp.kitchen");
    bytes32 internal constant KEY = bytes32(uint256(0x25519));
    bytes32 internal constant WM_ED = bytes32(uint256(0xED));
    bytes32 internal constant WM_X = bytes32(uint256(0x0C));
    uint256 internal constant NOW = 20_000 * 1 days + 3600;
    uint16 internal constant TODAY = 20_000;
    uint64 internal constant WM_NOT_AFTER = uint64(NOW + 365 days);
    bytes16 internal constant AT = bytes16(0x00000000000000000000ffffc633640b); // 198.51.100.11

    Registry internal registry;
    uint16 internal relay;

    function setUp() public virtual {
        vm.warp(NOW);
        registry = deploy(OWNER, APPROVER, WM_ED, WM_X, WM_NOT_AFTER);
        relay = addRelay(relayParams());
    }

    /// @dev As `new Registry(..)`, but from the compiled file: each test contract that held the
    /// registry's code would be optimised with it once more, for minutes in all.
    function deploy(
        address owner,
        address approver,
        bytes32 wmEd25519,
        bytes32 wmX25519,
        uint64 wmNotAfter
    ) internal returns (Registry created) {
        bytes memory code = abi.encodePacked(
            vm.getCode("Registry.sol:Registry"),
            abi.encode(owner, approver, wmEd25519, wmX25519, wmNotAfter)
        );
        assembly ("memory-safe") {
            created := create(0, add(code, 32), mload(code))
        }
    }

    // Relays

    function relayParams() internal pure returns (IRegistry.RelayParams memory p) {
        p.listenIPv4 = 0xc633640b; // 198.51.100.11
        p.listenPort = 3478;
        p.relayIPv4 = 0xc633640b;
        p.portMin = 50_000;
        p.portMax = 50_999;
        p.key = bytes32(uint256(0x4E1));
    }

    function propose(IRegistry.RelayParams memory p) internal returns (bytes32 id) {
        vm.prank(RELAY_OWNER);
        id = registry.registerServer(salt(p), p);
    }

    function salt(IRegistry.RelayParams memory p) internal pure returns (bytes32) {
        return keccak256(abi.encode(p));
    }

    function digestOf(bytes32 pendingId) internal view returns (bytes32 digest) {
        (, digest) = registry.getPending(pendingId);
    }

    function approve(bytes32 pendingId, uint16 expiryDay) internal returns (uint16) {
        bytes32 digest = digestOf(pendingId);
        vm.prank(APPROVER);
        return registry.approveServer(pendingId, digest, expiryDay);
    }

    function addRelay(IRegistry.RelayParams memory p) internal returns (uint16) {
        return approve(propose(p), TODAY + 365);
    }

    // Devices

    struct Terms {
        bytes32 identity;
        bytes32 key;
        uint16 relay;
        uint16 port;
        uint16 backupRelay;
        uint16 backupPort;
        uint16 expiryDay;
        uint16 sequence;
        uint64 deadline;
    }

    function terms() internal view returns (Terms memory) {
        return Terms(NAME, KEY, relay, 50_001, 0, 0, TODAY + 30, 0, uint64(NOW + 600));
    }

    /// @dev Spelt out from EIP-712, not taken from the contract.
    function typedDigest(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("chainturn"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function eip712Digest(Terms memory t) internal view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "Registration(bytes32 identity,bytes32 key,uint16 relay,uint16 port,uint16 backupRelay,uint16 backupPort,uint16 expiryDay,uint16 sequence,uint64 deadline)"
        );
        // the structure's members are 32-byte words in the order of the type
        return typedDigest(keccak256(abi.encode(typeHash, t)));
    }

    function packed(Terms memory t) internal pure returns (uint256) {
        return (uint256(t.deadline) << 192) | (uint256(t.expiryDay) << 176)
            | (uint256(t.sequence) << 160) | (uint256(t.relay) << 144) | (uint256(t.port) << 128)
            | (uint256(t.backupRelay) << 112) | (uint256(t.backupPort) << 96);
    }

    function signed(Terms memory t, uint256 walletKey)
        internal
        view
        returns (IRegistry.Registration memory e)
    {
        e.identityHash = t.identity;
        e.key = t.key;
        e.terms = packed(t);
        (e.r, e.vs) = vm.signCompact(walletKey, eip712Digest(t));
    }

    function submit(IRegistry.Registration memory e) internal returns (uint256 written) {
        IRegistry.Registration[] memory batch = new IRegistry.Registration[](1);
        batch[0] = e;
        vm.prank(APPROVER);
        return registry.registerClients(batch);
    }

    function register(Terms memory t, uint256 walletKey) internal {
        vm.assertEq(submit(signed(t, walletKey)), 1, "registration was skipped");
    }

    function expectSkip(IRegistry.Registration memory e, IRegistry.SkipReason reason) internal {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientSkipped(e.identityHash, reason);
        vm.assertEq(submit(e), 0);
    }

    function expectSkip(Terms memory t, uint256 walletKey, IRegistry.SkipReason reason) internal {
        expectSkip(signed(t, walletKey), reason);
    }

    /// @dev The next call fails for that reason.
    function expectRefusal(bytes32 identity, IRegistry.SkipReason reason) internal {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ClientRefused.selector, identity, reason));
    }

    // Storage

    function slot(uint256 number) internal view returns (uint256) {
        return uint256(vm.load(address(registry), bytes32(number)));
    }

    /// @dev Where a mapping's value begins.
    function at(bytes32 key, uint256 mappingSlot) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(key, mappingSlot)));
    }
}
