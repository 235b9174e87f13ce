// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Fixture} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";

/// @title Claims about what a device's wallet changes itself, with ether and without.
contract ChangesTest is Fixture {
    bytes32 private constant NEW_KEY = bytes32(uint256(0x25520));
    address private wallet;

    function setUp() public override {
        super.setUp();
        wallet = vm.addr(DEVICE_KEY);
        register(terms(), DEVICE_KEY);
    }

    // Signing, spelt out from the types

    function change() private view returns (Terms memory t) {
        t = terms();
        (t.port, t.backupRelay, t.backupPort, t.expiryDay, t.sequence) =
        (50_500, relay, 50_501, 0, 1);
    }

    function updateOf(Terms memory t, uint256 key)
        private
        view
        returns (IRegistry.Update memory e)
    {
        bytes32 typeHash = keccak256(
            "Update(bytes32 identity,uint16 relay,uint16 port,uint16 backupRelay,uint16 backupPort,uint16 sequence,uint64 deadline)"
        );
        bytes32 hash = keccak256(
            abi.encode(
                typeHash,
                t.identity,
                t.relay,
                t.port,
                t.backupRelay,
                t.backupPort,
                t.sequence,
                t.deadline
            )
        );
        (e.identityHash, e.terms) = (t.identity, packed(t));
        (e.r, e.vs) = vm.signCompact(key, typedDigest(hash));
    }

    function rotationOf(Terms memory t, uint256 key)
        private
        view
        returns (IRegistry.KeyRotation memory e)
    {
        bytes32 typeHash = keccak256(
            "KeyRotation(bytes32 identity,bytes32 key,uint16 sequence,uint64 deadline)"
        );
        bytes32 hash = keccak256(abi.encode(typeHash, t.identity, t.key, t.sequence, t.deadline));
        (e.identityHash, e.key) = (t.identity, t.key);
        e.terms = (uint256(t.deadline) << 192) | (uint256(t.sequence) << 160);
        (e.r, e.vs) = vm.signCompact(key, typedDigest(hash));
    }

    function newKey() private view returns (Terms memory t) {
        t = terms();
        (t.key, t.sequence) = (NEW_KEY, 1);
    }

    // Acting

    function move(Terms memory t, address sender) private {
        vm.prank(sender);
        registry.updateAllocation(
            t.identity, t.relay, t.port, t.backupRelay, t.backupPort, t.sequence
        );
    }

    function expectRefusedMove(Terms memory t, IRegistry.SkipReason reason) private {
        expectRefusal(t.identity, reason);
        move(t, wallet);
    }

    function submit(IRegistry.Update memory e) private returns (uint256) {
        IRegistry.Update[] memory batch = new IRegistry.Update[](1);
        batch[0] = e;
        vm.prank(STRANGER);
        return registry.updateAllocations(batch);
    }

    function submit(IRegistry.KeyRotation memory e) private returns (uint256) {
        IRegistry.KeyRotation[] memory batch = new IRegistry.KeyRotation[](1);
        batch[0] = e;
        vm.prank(STRANGER);
        return registry.rotateKeys(batch);
    }

    function expectSkip(IRegistry.Update memory e, IRegistry.SkipReason reason) private {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientSkipped(e.identityHash, reason);
        vm.assertEq(submit(e), 0);
    }

    function expectSkip(IRegistry.KeyRotation memory e, IRegistry.SkipReason reason) private {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientSkipped(e.identityHash, reason);
        vm.assertEq(submit(e), 0);
    }

    function revokeSelf(uint16 sequence, uint64 deadline, uint256 key) private {
        bytes32 typeHash =
            keccak256("SelfRevocation(bytes32 identity,uint16 sequence,uint64 deadline)");
        bytes32 hash = keccak256(abi.encode(typeHash, NAME, sequence, deadline));
        (bytes32 r, bytes32 vs) = vm.signCompact(key, typedDigest(hash));
        vm.prank(STRANGER);
        registry.revokeSelf(NAME, sequence, deadline, r, vs);
    }

    function revokeByApprover() private {
        vm.prank(APPROVER);
        registry.revokeClient(NAME);
    }

    function pend() private {
        uint256 base = at(NAME, 0);
        uint256 w = (slot(base) & ~(uint256(0xf) << 92)) | (uint256(1) << 92);
        vm.store(address(registry), bytes32(base), bytes32(w));
    }

    function atLastSequence() private {
        uint256 base = at(NAME, 0);
        vm.store(address(registry), bytes32(base), bytes32(slot(base) | (uint256(0xffff) << 60)));
    }

    // By the wallet's own transaction

    function test_walletMovesItsRecordAndNothingElseChanges() public {
        IRegistry.Client memory before = registry.getClient(NAME);
        move(change(), wallet);
        IRegistry.Client memory c = registry.getClient(NAME);
        vm.assertEq(c.port, 50_500);
        vm.assertEq(c.backupRelay, relay);
        vm.assertEq(c.backupPort, 50_501);
        vm.assertEq(c.sequence, 2);
        (c.port, c.backupRelay, c.backupPort, c.sequence) = (before.port, 0, 0, 1);
        vm.assertEq(abi.encode(c), abi.encode(before));
    }

    function test_moveTellsTheRecordsNewWord() public {
        uint256 w = slot(at(NAME, 0)) & ~(uint256(type(uint80).max) >> 4);
        w |= (uint256(2) << 60) | (uint256(relay) << 46) | (uint256(50_500) << 30)
            | (uint256(relay) << 16) | 50_501;
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientUpdated(NAME, w);
        move(change(), wallet);
    }

    function test_onlyItsWalletMovesARecord() public {
        address[3] memory others = [vm.addr(OTHER_KEY), APPROVER, OWNER];
        for (uint256 i = 0; i < 3; i++) {
            expectRefusal(NAME, IRegistry.SkipReason.NotItsWallet);
            move(change(), others[i]);
        }
    }

    function test_moveNamesTheStoredSequence() public {
        Terms memory t = change();
        t.sequence = 0;
        expectRefusedMove(t, IRegistry.SkipReason.WrongSequence);
        t.sequence = 1;
        move(t, wallet);
        expectRefusedMove(t, IRegistry.SkipReason.WrongSequence);
    }

    function test_movedRecordStandsOnApprovedRelaysAndTheirPorts() public {
        Terms memory t = change();
        t.relay = relay + 1;
        expectRefusedMove(t, IRegistry.SkipReason.UnknownRelay);
        t = change();
        t.backupRelay = 16_384 + relay; // would alias in 14 bits
        expectRefusedMove(t, IRegistry.SkipReason.UnknownRelay);
        t = change();
        t.port = 51_000;
        expectRefusedMove(t, IRegistry.SkipReason.PortOutOfRange);
        t = change();
        (t.relay, t.port) = (0, 1);
        expectRefusedMove(t, IRegistry.SkipReason.PortOutOfRange);
    }

    function test_onlyALiveRecordMoves() public {
        Terms memory t = change();
        t.identity = keccak256("nobody");
        expectRefusedMove(t, IRegistry.SkipReason.NotLive);
        uint256 live = slot(at(NAME, 0));
        pend();
        expectRefusedMove(change(), IRegistry.SkipReason.NotLive);
        vm.store(address(registry), bytes32(at(NAME, 0)), bytes32(live));
        revokeByApprover();
        expectRefusedMove(change(), IRegistry.SkipReason.NotLive);
        vm.store(address(registry), bytes32(at(NAME, 0)), bytes32(live));
        vm.warp((uint256(TODAY) + 31) * 1 days);
        expectRefusedMove(change(), IRegistry.SkipReason.NotLive);
    }

    function test_lastSequenceNumberIsNeverUsed() public {
        atLastSequence();
        Terms memory t = change();
        t.sequence = 0xffff;
        expectRefusedMove(t, IRegistry.SkipReason.WrongSequence);
        expectSkip(updateOf(t, DEVICE_KEY), IRegistry.SkipReason.WrongSequence);
        t = newKey();
        t.sequence = 0xffff;
        expectSkip(rotationOf(t, DEVICE_KEY), IRegistry.SkipReason.WrongSequence);
    }

    // By signature

    function test_signedMoveEqualsTheWalletsOwn() public {
        uint256 base = at(NAME, 0);
        uint256 before = slot(base);
        move(change(), wallet);
        uint256 moved = slot(base);
        vm.store(address(registry), bytes32(base), bytes32(before));
        vm.assertEq(submit(updateOf(change(), DEVICE_KEY)), 1);
        vm.assertEq(slot(base), moved);
    }

    function test_signedMoveCannotBeReplayed() public {
        IRegistry.Update memory e = updateOf(change(), DEVICE_KEY);
        vm.assertEq(submit(e), 1);
        expectSkip(e, IRegistry.SkipReason.WrongSequence);
    }

    function test_moveSignedByAnotherIsSkipped() public {
        expectSkip(updateOf(change(), OTHER_KEY), IRegistry.SkipReason.NotItsWallet);
        IRegistry.Update memory e = updateOf(change(), DEVICE_KEY);
        e.terms ^= uint256(1) << 128; // another port than the signed one
        expectSkip(e, IRegistry.SkipReason.NotItsWallet);
        (e.r, e.vs) = (0, 0);
        expectSkip(e, IRegistry.SkipReason.BadSignature);
    }

    function test_moveForAnotherContractIsSkipped() public {
        IRegistry.Update memory e = updateOf(change(), DEVICE_KEY);
        setUp();
        expectSkip(e, IRegistry.SkipReason.NotItsWallet);
    }

    function test_signedChangesHoldThroughTheirDeadline() public {
        IRegistry.Update memory e = updateOf(change(), DEVICE_KEY);
        Terms memory t = newKey();
        t.sequence = 2;
        IRegistry.KeyRotation memory k = rotationOf(t, DEVICE_KEY);
        vm.warp(NOW + 601);
        expectSkip(e, IRegistry.SkipReason.DeadlinePassed);
        expectSkip(k, IRegistry.SkipReason.DeadlinePassed);
        vm.warp(NOW + 600);
        vm.assertEq(submit(e), 1);
        vm.assertEq(submit(k), 1);
    }

    function test_fieldsThatATypeLacksAreZero() public {
        IRegistry.Update memory e = updateOf(change(), DEVICE_KEY);
        e.terms |= uint256(1) << 176; // expiryDay
        expectSkip(e, IRegistry.SkipReason.BadTerms);
        e = updateOf(change(), DEVICE_KEY);
        e.terms |= 1;
        expectSkip(e, IRegistry.SkipReason.BadTerms);
        IRegistry.KeyRotation memory k = rotationOf(newKey(), DEVICE_KEY);
        uint8[4] memory bits = [176, 144, 96, 0];
        for (uint256 i = 0; i < 4; i++) {
            uint256 good = k.terms;
            k.terms |= uint256(1) << bits[i];
            expectSkip(k, IRegistry.SkipReason.BadTerms);
            k.terms = good;
        }
    }

    function test_signedChangesNeedALiveRecord() public {
        revokeByApprover();
        expectSkip(updateOf(change(), DEVICE_KEY), IRegistry.SkipReason.NotLive);
        expectSkip(rotationOf(newKey(), DEVICE_KEY), IRegistry.SkipReason.NotLive);
    }

    function test_badUpdateIsSkippedAndItsNeighbourGoesIn() public {
        Terms memory t = terms();
        t.identity = keccak256("second");
        register(t, OTHER_KEY);
        IRegistry.Update[] memory batch = new IRegistry.Update[](2);
        batch[0] = updateOf(change(), OTHER_KEY);
        Terms memory good = change();
        good.identity = t.identity;
        batch[1] = updateOf(good, OTHER_KEY);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientSkipped(NAME, IRegistry.SkipReason.NotItsWallet);
        vm.assertEq(registry.updateAllocations(batch), 1);
        vm.assertEq(registry.getClient(NAME).port, 50_001);
        vm.assertEq(registry.getClient(t.identity).port, 50_500);
    }

    function test_batchesAreBounded() public {
        IRegistry.Update[] memory updates = new IRegistry.Update[](257);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.BatchTooLarge.selector, 257, 256));
        registry.updateAllocations(updates);
        IRegistry.KeyRotation[] memory rotations = new IRegistry.KeyRotation[](257);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.BatchTooLarge.selector, 257, 256));
        registry.rotateKeys(rotations);
    }

    function test_rotatedKeyIsFoundAndNothingElseChanges() public {
        IRegistry.Client memory before = registry.getClient(NAME);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientKeyRotated(NAME, NEW_KEY, 2);
        vm.assertEq(submit(rotationOf(newKey(), DEVICE_KEY)), 1);
        IRegistry.Client memory c = registry.getClient(NAME);
        vm.assertEq(registry.getClientPuk(NAME), NEW_KEY);
        vm.assertEq(c.sequence, 2);
        (c.key, c.sequence) = (KEY, 1);
        vm.assertEq(abi.encode(c), abi.encode(before));
    }

    function test_rotationIsItsWalletsAndCannotBeReplayed() public {
        expectSkip(rotationOf(newKey(), OTHER_KEY), IRegistry.SkipReason.NotItsWallet);
        IRegistry.KeyRotation memory k = rotationOf(newKey(), DEVICE_KEY);
        k.key = bytes32(uint256(666));
        expectSkip(k, IRegistry.SkipReason.NotItsWallet);
        k.key = 0;
        expectSkip(k, IRegistry.SkipReason.BadTerms);
        k.key = NEW_KEY;
        vm.assertEq(submit(k), 1);
        expectSkip(k, IRegistry.SkipReason.WrongSequence);
    }

    function test_ofTwoChangesUnderOneSequenceOnlyTheFirstHolds() public {
        IRegistry.Update memory e = updateOf(change(), DEVICE_KEY);
        vm.assertEq(submit(rotationOf(newKey(), DEVICE_KEY)), 1);
        expectSkip(e, IRegistry.SkipReason.WrongSequence);
        Terms memory t = terms();
        t.sequence = 1;
        expectSkip(t, DEVICE_KEY, IRegistry.SkipReason.WrongSequence);
    }

    // revokeSelf

    function test_deviceRevokesItselfAndTheLogTells() public {
        uint64 count = uint64(slot(9));
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.Logged(count + 1, 6, NAME, 0);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientRevoked(NAME);
        revokeSelf(1, uint64(NOW + 600), DEVICE_KEY);
        IRegistry.Client memory c = registry.getClient(NAME);
        vm.assertEq(uint256(c.state), uint256(IRegistry.DeviceState.Revoked));
        vm.assertFalse(c.live);
        vm.assertEq(c.sequence, 2);
        vm.assertEq(uint64(slot(9)), count + 1);
    }

    function test_whatWasSignedBeforeASelfRevocationIsVoid() public {
        Terms memory t = terms();
        t.sequence = 1;
        IRegistry.Registration memory e = signed(t, DEVICE_KEY);
        revokeSelf(1, uint64(NOW + 600), DEVICE_KEY);
        expectSkip(e, IRegistry.SkipReason.WrongSequence);
        t.sequence = 2;
        register(t, DEVICE_KEY);
        expectRefusal(NAME, IRegistry.SkipReason.WrongSequence);
        revokeSelf(1, uint64(NOW + 600), DEVICE_KEY);
    }

    function test_selfRevocationIsRefusedWhereItDoesNotHold() public {
        expectRefusal(NAME, IRegistry.SkipReason.NotItsWallet);
        revokeSelf(1, uint64(NOW + 600), OTHER_KEY);
        expectRefusal(NAME, IRegistry.SkipReason.WrongSequence);
        revokeSelf(0, uint64(NOW + 600), DEVICE_KEY);
        expectRefusal(NAME, IRegistry.SkipReason.DeadlinePassed);
        revokeSelf(1, uint64(NOW - 1), DEVICE_KEY);
        expectRefusal(NAME, IRegistry.SkipReason.BadSignature);
        registry.revokeSelf(NAME, 1, uint64(NOW), 0, 0);
        pend();
        expectRefusal(NAME, IRegistry.SkipReason.NotRegistered);
        revokeSelf(1, uint64(NOW + 600), DEVICE_KEY);
    }

    function test_selfRevocationHoldsAtTheLastSequenceNumber() public {
        atLastSequence();
        revokeSelf(0xffff, uint64(NOW), DEVICE_KEY);
        vm.assertFalse(registry.getClient(NAME).live);
        vm.assertEq(registry.getClient(NAME).sequence, 0xffff);
    }
}
