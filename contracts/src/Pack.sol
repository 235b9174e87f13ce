// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IRegistry} from "./IRegistry.sol";

/// @title Storage words to fields and back; the layout is written out in IRegistry.
/// @dev Pure, so that the tests can walk it over random fields.
library Pack {
    uint256 internal constant RELAY_STATE_SHIFT = 88;
    uint256 internal constant RELAY_EXPIRY_SHIFT = 24;
    uint256 internal constant RELAY_INDEX_SHIFT = 8;
    uint256 internal constant DEVICE_STATE_SHIFT = 92;
    uint256 internal constant DEVICE_SEQUENCE_SHIFT = 60;

    /// @dev Both relays and ports of a device's word 0.
    uint256 internal constant DEVICE_RELAYS = (uint256(1) << DEVICE_SEQUENCE_SHIFT) - 1;

    /// @dev What approval does not depend on: state and expiryDay.
    uint256 internal constant RELAY_UNSIGNED_FIELDS =
        (uint256(0xff) << RELAY_STATE_SHIFT) | (uint256(0xffff) << RELAY_EXPIRY_SHIFT);

    /// @dev w with another value, of at most mask, in the field at shift.
    function put(uint256 w, uint256 shift, uint256 mask, uint256 value)
        private
        pure
        returns (uint256)
    {
        return (w & ~(mask << shift)) | (value << shift);
    }

    // Relay word 0

    function relayWord0(address owner, uint8 state, IRegistry.RelayParams memory p)
        internal
        pure
        returns (uint256)
    {
        return (uint256(uint160(owner)) << 96) | (uint256(state) << RELAY_STATE_SHIFT)
            | (uint256(p.listenPort) << 72) | (uint256(p.portMin) << 56)
            | (uint256(p.portMax) << 40) | (uint256(p.index) << RELAY_INDEX_SHIFT);
    }

    function relayOwner(uint256 w) internal pure returns (address) {
        return address(uint160(w >> 96));
    }

    function relayState(uint256 w) internal pure returns (IRegistry.RelayState) {
        return IRegistry.RelayState(uint8(w >> RELAY_STATE_SHIFT));
    }

    /// @dev relayState(w) == state, without the bounds check of a conversion.
    function isRelayState(uint256 w, IRegistry.RelayState state) internal pure returns (bool) {
        return uint8(w >> RELAY_STATE_SHIFT) == uint256(state);
    }

    function relayListenPort(uint256 w) internal pure returns (uint16) {
        return uint16(w >> 72);
    }

    function relayPortMin(uint256 w) internal pure returns (uint16) {
        return uint16(w >> 56);
    }

    function relayPortMax(uint256 w) internal pure returns (uint16) {
        return uint16(w >> 40);
    }

    function relayExpiryDay(uint256 w) internal pure returns (uint16) {
        return uint16(w >> RELAY_EXPIRY_SHIFT);
    }

    function relayIndex(uint256 w) internal pure returns (uint16) {
        return uint16(w >> RELAY_INDEX_SHIFT);
    }

    function withRelayState(uint256 w, IRegistry.RelayState state) internal pure returns (uint256) {
        return put(w, RELAY_STATE_SHIFT, 0xff, uint256(state));
    }

    function withRelayExpiry(uint256 w, uint16 day) internal pure returns (uint256) {
        return put(w, RELAY_EXPIRY_SHIFT, 0xffff, day);
    }

    function withRelayIndex(uint256 w, uint16 index) internal pure returns (uint256) {
        return put(w, RELAY_INDEX_SHIFT, 0xffff, index);
    }

    // Relay words 1 and 2

    function relayWord1(uint32 listening, uint32 relayed) internal pure returns (uint256) {
        return (uint256(listening) << 224) | (uint256(relayed) << 192);
    }

    function relayWord2(uint128 listening, uint128 relayed) internal pure returns (uint256) {
        return (uint256(listening) << 128) | relayed;
    }

    function listenIPv4(uint256 word1) internal pure returns (uint32) {
        return uint32(word1 >> 224);
    }

    function relayIPv4(uint256 word1) internal pure returns (uint32) {
        return uint32(word1 >> 192);
    }

    function listenIPv6(uint256 word2) internal pure returns (uint128) {
        return uint128(word2 >> 128);
    }

    function relayIPv6(uint256 word2) internal pure returns (uint128) {
        return uint128(word2);
    }

    // Device word 0

    /// @param relays the low 60 bits
    function deviceWord0(
        address wallet,
        IRegistry.DeviceState state,
        uint16 expiryDay,
        uint16 sequence,
        uint256 relays
    ) internal pure returns (uint256) {
        return (uint256(uint160(wallet)) << 96) | (uint256(state) << DEVICE_STATE_SHIFT)
            | (uint256(expiryDay) << 76) | (uint256(sequence) << DEVICE_SEQUENCE_SHIFT) | relays;
    }

    function deviceWallet(uint256 w) internal pure returns (address) {
        return address(uint160(w >> 96));
    }

    function deviceState(uint256 w) internal pure returns (IRegistry.DeviceState) {
        return IRegistry.DeviceState((w >> DEVICE_STATE_SHIFT) & 0xf);
    }

    /// @dev deviceState(w) == state, without the bounds check of a conversion.
    function isDeviceState(uint256 w, IRegistry.DeviceState state) internal pure returns (bool) {
        return (w >> DEVICE_STATE_SHIFT) & 0xf == uint256(state);
    }

    function deviceExpiryDay(uint256 w) internal pure returns (uint16) {
        return uint16(w >> 76);
    }

    function deviceSequence(uint256 w) internal pure returns (uint16) {
        return uint16(w >> DEVICE_SEQUENCE_SHIFT);
    }

    function deviceRelay(uint256 w) internal pure returns (uint16) {
        return uint16((w >> 46) & 0x3fff);
    }

    function devicePort(uint256 w) internal pure returns (uint16) {
        return uint16(w >> 30);
    }

    function deviceBackupRelay(uint256 w) internal pure returns (uint16) {
        return uint16((w >> 16) & 0x3fff);
    }

    function deviceBackupPort(uint256 w) internal pure returns (uint16) {
        return uint16(w);
    }

    function withDeviceState(uint256 w, IRegistry.DeviceState state)
        internal
        pure
        returns (uint256)
    {
        return put(w, DEVICE_STATE_SHIFT, 0xf, uint256(state));
    }

    function withDeviceSequence(uint256 w, uint16 sequence) internal pure returns (uint256) {
        return put(w, DEVICE_SEQUENCE_SHIFT, 0xffff, sequence);
    }

    function withDeviceRelays(uint256 w, uint256 relays) internal pure returns (uint256) {
        return put(w, 0, DEVICE_RELAYS, relays);
    }

    /// @dev What an approver names to approve a pending record: both words, the state zeroed.
    function deviceDigest(uint256 w, bytes32 key) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(bytes32(w & ~(uint256(0xf) << DEVICE_STATE_SHIFT)), key);
    }

    // The terms of a registration, voucher, update or key rotation

    /// @dev Without deadline and expiryDay.
    function terms(
        uint16 sequence,
        uint16 relay,
        uint16 port,
        uint16 backupRelay,
        uint16 backupPort
    ) internal pure returns (uint256) {
        return (uint256(sequence) << 160) | (uint256(relay) << 144) | (uint256(port) << 128)
            | (uint256(backupRelay) << 112) | (uint256(backupPort) << 96);
    }

    function termsDeadline(uint256 t) internal pure returns (uint64) {
        return uint64(t >> 192);
    }

    function termsExpiryDay(uint256 t) internal pure returns (uint16) {
        return uint16(t >> 176);
    }

    function termsSequence(uint256 t) internal pure returns (uint16) {
        return uint16(t >> 160);
    }

    function termsRelay(uint256 t) internal pure returns (uint16) {
        return uint16(t >> 144);
    }

    function termsPort(uint256 t) internal pure returns (uint16) {
        return uint16(t >> 128);
    }

    function termsBackupRelay(uint256 t) internal pure returns (uint16) {
        return uint16(t >> 112);
    }

    function termsBackupPort(uint256 t) internal pure returns (uint16) {
        return uint16(t >> 96);
    }

    /// @dev Both relays and ports as a device's word 0 has them; the indices are below 2^14.
    function termsRelays(uint256 t) internal pure returns (uint256) {
        return (uint256(uint32(t >> 128)) << 30) | uint32(t >> 96);
    }
}
