// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Fixture, Vm} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";

/// @title Claims about the funded road's renewal: addClient for a live record, on a voucher that
/// names a day in the place of a token.
contract RenewalTest is Fixture {
    uint256 private constant VOUCHER_KEY = 0xA9;
    uint16 private constant LATER = TODAY + 25;

    struct Renewal {
        Terms t;
        uint256 allowed; // what stands in the place of the token's hash
        address sender;
        bytes32 r;
        bytes32 vs;
    }

    /// @dev A device with five days left.
    function setUp() public override {
        super.setUp();
        vm.prank(OWNER);
        registry.setApprover(vm.addr(VOUCHER_KEY), true);
        register(terms(), DEVICE_KEY);
        vm.warp(uint256(LATER) * 1 days);
    }

    function wanted() private view returns (Terms memory t) {
        t = terms();
        (t.sequence, t.deadline) = (1, uint64(block.timestamp + 600));
        t.expiryDay = uint16(block.timestamp / 1 days + 90);
    }

    function vouch(Terms memory t, uint256 allowed, address wallet, uint256 voucherKey)
        private
        view
        returns (Renewal memory e)
    {
        bytes32 typeHash = keccak256(
            "Voucher(bytes32 identity,bytes32 tokenHash,address wallet,uint64 deadline)"
        );
        bytes32 hash = keccak256(abi.encode(typeHash, t.identity, allowed, wallet, t.deadline));
        (e.t, e.allowed, e.sender) = (t, allowed, wallet);
        (e.r, e.vs) = vm.signCompact(voucherKey, typedDigest(hash));
    }

    function vouch(Terms memory t) private view returns (Renewal memory) {
        return vouch(t, t.expiryDay, vm.addr(DEVICE_KEY), VOUCHER_KEY);
    }

    function renew(Renewal memory e) private {
        vm.prank(e.sender);
        registry.addClient(e.t.identity, bytes32(e.allowed), e.t.key, packed(e.t), e.r, e.vs);
    }

    function expectRefused(Renewal memory e, IRegistry.SkipReason reason) private {
        uint256 word0 = slot(at(NAME, 0));
        expectRefusal(e.t.identity, reason);
        renew(e);
        vm.assertEq(slot(at(NAME, 0)), word0);
    }

    function test_renewalWritesWhatARenewalBySignatureWrites() public {
        Terms memory t = wanted();
        Renewal memory e = vouch(t);
        vm.recordLogs();
        renew(e);
        Vm.Log[] memory own = vm.getRecordedLogs();
        uint256 word0 = slot(at(NAME, 0));
        vm.assertTrue(registry.getClient(NAME).live);
        vm.assertEq(registry.getClient(NAME).expiryDay, LATER + 90);
        vm.assertEq(registry.getClient(NAME).sequence, 2);
        vm.assertEq(registry.getClientPuk(NAME), KEY);

        setUp(); // another contract
        t.relay = relay;
        vm.recordLogs();
        register(t, DEVICE_KEY);
        Vm.Log[] memory signed_ = vm.getRecordedLogs();
        vm.assertEq(slot(at(NAME, 0)), word0);
        vm.assertEq(own.length, 1);
        vm.assertEq(signed_.length, 1);
        vm.assertEq(own[0].data, signed_[0].data);
        for (uint256 i = 0; i < 3; i++) {
            vm.assertEq(own[0].topics[i], signed_[0].topics[i]);
        }
    }

    function test_renewalMayNameOtherPorts() public {
        Terms memory t = wanted();
        (t.port, t.backupRelay, t.backupPort) = (50_007, relay, 50_008);
        renew(vouch(t));
        vm.assertEq(registry.getClient(NAME).port, 50_007);
        vm.assertEq(registry.getClient(NAME).backupPort, 50_008);
    }

    function test_renewalLastsToTheDayOfItsVoucherAlone() public {
        Terms memory t = wanted();
        expectRefused(
            vouch(t, t.expiryDay - 1, vm.addr(DEVICE_KEY), VOUCHER_KEY),
            IRegistry.SkipReason.OtherTerms
        );
        expectRefused(
            vouch(t, 0, vm.addr(DEVICE_KEY), VOUCHER_KEY), IRegistry.SkipReason.OtherTerms
        );
        Renewal memory e = vouch(t);
        e.t.expiryDay += 1;
        expectRefused(e, IRegistry.SkipReason.OtherTerms);
        e.allowed += 1;
        expectRefused(e, IRegistry.SkipReason.NoVoucher);
        t.expiryDay = LATER + 1097;
        expectRefused(vouch(t), IRegistry.SkipReason.TooFar);
    }

    function test_renewalKeepsTheKey() public {
        Terms memory t = wanted();
        t.key = bytes32(uint256(KEY) + 1);
        expectRefused(vouch(t), IRegistry.SkipReason.OtherTerms);
        t.key = 0;
        expectRefused(vouch(t), IRegistry.SkipReason.BadTerms);
    }

    function test_renewalIsTheRecordsWalletsOwn() public {
        Terms memory t = wanted();
        expectRefused(
            vouch(t, t.expiryDay, vm.addr(OTHER_KEY), VOUCHER_KEY), IRegistry.SkipReason.NameTaken
        );
        Renewal memory e = vouch(t);
        e.sender = vm.addr(OTHER_KEY);
        expectRefused(e, IRegistry.SkipReason.NoVoucher);
        expectRefused(
            vouch(t, t.expiryDay, vm.addr(DEVICE_KEY), OTHER_KEY), IRegistry.SkipReason.NoVoucher
        );
    }

    function test_renewalVoucherEnrolsNobody() public {
        Terms memory t = wanted();
        t.identity = keccak256("unknown");
        t.sequence = 0;
        expectRefused(vouch(t), IRegistry.SkipReason.NotLive);
        vm.assertEq(slot(at(t.identity, 0)), 0);
    }

    function test_revokedAndExpiredRecordsAreNotRenewed() public {
        Renewal memory e = vouch(wanted());
        vm.prank(APPROVER);
        registry.revokeClient(NAME);
        expectRefused(e, IRegistry.SkipReason.NotLive);

        setUp();
        vm.warp((uint256(TODAY) + 31) * 1 days - 1); // its last second
        e = vouch(wanted());
        vm.warp((uint256(TODAY) + 31) * 1 days);
        expectRefused(e, IRegistry.SkipReason.NotLive);
        vm.warp((uint256(TODAY) + 31) * 1 days - 1);
        renew(e);
        vm.assertTrue(registry.getClient(NAME).live);
    }

    function test_pendingRecordIsNotApprovedByARenewal() public {
        Terms memory t = wanted();
        (t.identity, t.sequence) = (keccak256("pending"), 0);
        bytes32 token = keccak256("ctk1.token");
        renew(vouch(t, uint256(token), vm.addr(DEVICE_KEY), VOUCHER_KEY));
        vm.assertEq(
            uint256(registry.getClient(t.identity).state), uint256(IRegistry.DeviceState.Pending)
        );
        t.sequence = 1;
        expectRefused(vouch(t), IRegistry.SkipReason.NotLive);
    }

    function test_tokensVoucherRenewsNothing() public {
        bytes32 token = keccak256("ctk1.token");
        Renewal memory e = vouch(wanted(), uint256(token), vm.addr(DEVICE_KEY), VOUCHER_KEY);
        expectRefused(e, IRegistry.SkipReason.StillLive);
        e.allowed = e.t.expiryDay;
        expectRefused(e, IRegistry.SkipReason.NoVoucher);
    }

    function test_secondUseOfARenewalVoucherOnlyMovesTheRecord() public {
        Renewal memory e = vouch(wanted());
        renew(e);
        expectRefused(e, IRegistry.SkipReason.WrongSequence);
        (e.t.sequence, e.t.port) = (2, 50_002);
        renew(e);
        vm.assertEq(registry.getClient(NAME).port, 50_002);
        vm.assertEq(registry.getClient(NAME).expiryDay, LATER + 90);
    }

    function test_renewalShortensNoRecord() public {
        Terms memory t = wanted();
        t.expiryDay = TODAY + 29; // the record's is a day later
        expectRefused(vouch(t), IRegistry.SkipReason.OtherTerms);
        (t.expiryDay, t.port) = (TODAY + 30, 50_003);
        renew(vouch(t));
        vm.assertEq(registry.getClient(NAME).port, 50_003);
        t = wanted();
        (t.sequence, t.expiryDay) = (2, LATER + 60);
        Renewal memory shorter = vouch(t);
        t.expiryDay = LATER + 90;
        renew(vouch(t));
        shorter.t.sequence = 3;
        expectRefused(shorter, IRegistry.SkipReason.OtherTerms);
        vm.assertEq(registry.getClient(NAME).expiryDay, LATER + 90);
    }

    /// @dev What the contract promises for a voucher that is not used up, no more and no less.
    function test_renewalVoucherSetsItsDayAgainUntilItsDeadline() public {
        Renewal memory e = vouch(wanted());
        renew(e);
        vm.prank(APPROVER);
        registry.revokeClient(NAME);
        Terms memory t = wanted();
        (t.sequence, t.expiryDay, e.t.sequence) = (2, LATER + 10, 3);
        expectRefused(e, IRegistry.SkipReason.NotLive);
        register(t, DEVICE_KEY);
        vm.assertEq(registry.getClient(NAME).expiryDay, LATER + 10);
        renew(e);
        vm.assertEq(registry.getClient(NAME).expiryDay, LATER + 90);
    }

    function test_renewalsTermsAreThoseOfARegistration() public {
        Terms memory t = wanted();
        t.port = 49_999;
        expectRefused(vouch(t), IRegistry.SkipReason.PortOutOfRange);
        (t.port, t.relay) = (50_001, relay + 1);
        expectRefused(vouch(t), IRegistry.SkipReason.UnknownRelay);
        t = wanted();
        t.expiryDay = LATER - 1;
        expectRefused(vouch(t), IRegistry.SkipReason.AlreadyExpired);
        Renewal memory e = vouch(wanted());
        vm.warp(block.timestamp + 601);
        expectRefused(e, IRegistry.SkipReason.DeadlinePassed);
    }

    function test_renewalLeavesTheLogAlone() public {
        uint256 head = slot(9);
        renew(vouch(wanted()));
        vm.assertEq(slot(9), head);
    }

    /// @dev Whatever an approver put in the token's place: only the day asked for renews, and what
    /// is a hash to the contract leaves a live record as it is.
    function testFuzz_onlyTheDayItselfRenews(uint256 allowed, bool isShort) public {
        if (isShort) allowed = allowed & 0xffff;
        Terms memory t = wanted();
        Renewal memory e = vouch(t, allowed, vm.addr(DEVICE_KEY), VOUCHER_KEY);
        if (allowed == t.expiryDay) {
            renew(e);
            return;
        }
        bool isDay = allowed <= type(uint16).max;
        expectRefused(e, isDay ? IRegistry.SkipReason.OtherTerms : IRegistry.SkipReason.StillLive);
    }

    /// @dev Each field of terms and key, changed at will: the record is live before and after, and
    /// its wallet and key are what they were.
    function testFuzz_recordLivesWhateverARenewalNames(
        uint16 day,
        uint16 sequence,
        uint16 port,
        bytes32 key,
        bool hasKey
    ) public {
        Terms memory t = wanted();
        (t.expiryDay, t.port) = (LATER + day % 1200, port);
        t.sequence = sequence % 3;
        t.key = hasKey ? KEY : key;
        Renewal memory e = vouch(t);
        uint16 before = registry.getClient(NAME).expiryDay;
        vm.prank(e.sender);
        try registry.addClient(NAME, bytes32(e.allowed), t.key, packed(t), e.r, e.vs) {
            vm.assertEq(registry.getClient(NAME).expiryDay, t.expiryDay);
            vm.assertTrue(t.expiryDay >= before);
        } catch {
            vm.assertEq(registry.getClient(NAME).expiryDay, before);
        }
        IRegistry.Client memory c = registry.getClient(NAME);
        vm.assertTrue(c.live);
        vm.assertEq(c.wallet, vm.addr(DEVICE_KEY));
        vm.assertEq(c.key, KEY);
    }
}
