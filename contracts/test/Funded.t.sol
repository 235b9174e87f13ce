// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {Fixture} from "./Fixture.sol";
import {IRegistry} from "../src/IRegistry.sol";

/// @title Claims about the funded road: voucher, addClient, approval by digest.
contract FundedTest is Fixture {
    uint256 private constant VOUCHER_KEY = 0xA9;
    bytes32 private constant TOKEN = keccak256("ctk1.token");

    function setUp() public override {
        super.setUp();
        vm.prank(OWNER);
        registry.setApprover(vm.addr(VOUCHER_KEY), true);
    }

    struct Addition {
        Terms t;
        address wallet;
        bytes32 token;
        bytes32 r;
        bytes32 vs;
    }

    function vouched(Terms memory t, address wallet, uint256 voucherKey, bytes32 token)
        private
        view
        returns (Addition memory a)
    {
        bytes32 typeHash = keccak256(
            "Voucher(bytes32 identity,bytes32 tokenHash,address wallet,uint64 deadline)"
        );
        bytes32 hash = keccak256(abi.encode(typeHash, t.identity, token, wallet, t.deadline));
        (a.t, a.wallet, a.token) = (t, wallet, token);
        (a.r, a.vs) = vm.signCompact(voucherKey, typedDigest(hash));
    }

    function vouched(Terms memory t, address wallet, uint256 voucherKey)
        private
        view
        returns (Addition memory)
    {
        return vouched(t, wallet, voucherKey, TOKEN);
    }

    function vouched() private view returns (Addition memory) {
        return vouched(terms(), vm.addr(DEVICE_KEY), VOUCHER_KEY);
    }

    function add(Addition memory a, address sender) private {
        vm.prank(sender);
        registry.addClient(a.t.identity, a.token, a.t.key, packed(a.t), a.r, a.vs);
    }

    function add(Addition memory a) private {
        add(a, a.wallet);
    }

    function expectRefusedAddition(Addition memory a, IRegistry.SkipReason reason) private {
        expectRefusal(a.t.identity, reason);
        add(a);
    }

    function recordDigest(bytes32 identity) private view returns (bytes32) {
        uint256 base = at(identity, 0);
        uint256 word0 = slot(base) & ~(uint256(0xf) << 92);
        return keccak256(abi.encodePacked(word0, slot(base + 1)));
    }

    function approveRecord(bytes32 identity) private {
        bytes32 digest = recordDigest(identity);
        vm.prank(APPROVER);
        registry.approveClient(identity, digest);
    }

    function later(Terms memory t, uint16 sequence) private view returns (Terms memory) {
        (t.sequence, t.deadline) = (sequence, uint64(block.timestamp + 600));
        t.expiryDay = uint16(block.timestamp / 1 days + 30);
        return t;
    }

    function test_addedDeviceIsPendingAndFoundByNobody() public {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientPending(NAME);
        add(vouched());
        IRegistry.Client memory c = registry.getClient(NAME);
        vm.assertEq(c.wallet, vm.addr(DEVICE_KEY));
        vm.assertEq(uint256(c.state), uint256(IRegistry.DeviceState.Pending));
        vm.assertFalse(c.live);
        vm.assertEq(c.sequence, 1);
        vm.assertEq(c.expiryDay, TODAY + 30);
        vm.assertEq(c.relay, relay);
        vm.assertEq(c.port, 50_001);
        vm.assertEq(c.key, KEY);
        vm.assertEq(registry.getClientPuk(NAME), 0);
        (IRegistry.RelayedAddress memory a,) = registry.getClientRelayedAddress(NAME);
        vm.assertEq(a.port, 0);
    }

    function test_approvedDeviceIsFound() public {
        add(vouched());
        bytes32 digest = recordDigest(NAME);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientApproved(NAME);
        vm.prank(APPROVER);
        registry.approveClient(NAME, digest);
        IRegistry.Client memory c = registry.getClient(NAME);
        vm.assertTrue(c.live);
        vm.assertEq(c.wallet, vm.addr(DEVICE_KEY));
        vm.assertEq(c.sequence, 1);
        vm.assertEq(registry.getClientPuk(NAME), KEY);
        vm.assertEq(recordDigest(NAME), digest); // nothing but the state has changed
    }

    function test_bothRoadsWriteTheSameWords() public {
        add(vouched());
        approveRecord(NAME);
        uint256 word0 = slot(at(NAME, 0));
        Terms memory t = terms();
        t.identity = keccak256("sponsored");
        register(t, DEVICE_KEY);
        vm.assertEq(slot(at(t.identity, 0)), word0);
    }

    function test_voucherServesItsWalletAlone() public {
        Addition memory a = vouched();
        expectRefusal(NAME, IRegistry.SkipReason.NoVoucher);
        add(a, vm.addr(OTHER_KEY));
        expectRefusal(NAME, IRegistry.SkipReason.NoVoucher);
        add(a, APPROVER);
    }

    function test_onlyAnApproversVoucherCounts() public {
        address wallet = vm.addr(DEVICE_KEY);
        expectRefusedAddition(vouched(terms(), wallet, OTHER_KEY), IRegistry.SkipReason.NoVoucher);
        Addition memory a = vouched();
        vm.prank(OWNER);
        registry.setApprover(vm.addr(VOUCHER_KEY), false);
        expectRefusedAddition(a, IRegistry.SkipReason.NoVoucher);
    }

    function test_voucherServesItsNameTokenAndDeadlineAlone() public {
        Addition memory a = vouched();
        a.t.identity = keccak256("another");
        expectRefusedAddition(a, IRegistry.SkipReason.NoVoucher);
        a = vouched();
        a.t.deadline += 1;
        expectRefusedAddition(a, IRegistry.SkipReason.NoVoucher);
        a = vouched();
        expectRefusal(NAME, IRegistry.SkipReason.NoVoucher);
        vm.prank(a.wallet);
        registry.addClient(NAME, keccak256("other token"), KEY, packed(a.t), a.r, a.vs);
    }

    function test_voucherForAnotherContractIsNone() public {
        Addition memory a = vouched();
        setUp();
        expectRefusedAddition(a, IRegistry.SkipReason.NoVoucher);
    }

    function test_voucherOfNoSignatureIsRefused() public {
        Addition memory a = vouched();
        (a.r, a.vs) = (0, 0);
        expectRefusedAddition(a, IRegistry.SkipReason.BadSignature);
    }

    function test_voucherHoldsThroughItsDeadline() public {
        Addition memory a = vouched();
        vm.warp(NOW + 601);
        expectRefusedAddition(a, IRegistry.SkipReason.DeadlinePassed);
        vm.warp(NOW + 600);
        add(a);
    }

    function test_sameTransactionAgainIsRefused() public {
        Addition memory a = vouched();
        add(a);
        expectRefusedAddition(a, IRegistry.SkipReason.WrongSequence);
    }

    function test_secondUseOfAVoucherIsPendingAgainUnderAnotherDigest() public {
        Addition memory a = vouched();
        add(a);
        bytes32 checked = recordDigest(NAME);
        (a.t.sequence, a.t.port) = (1, 50_002);
        add(a);
        vm.assertEq(registry.getClient(NAME).port, 50_002);
        expectRefusal(NAME, IRegistry.SkipReason.WrongDigest);
        vm.prank(APPROVER);
        registry.approveClient(NAME, checked);
        // and the words of the first one under the next number are another digest too
        (a.t.sequence, a.t.port) = (2, 50_001);
        add(a);
        vm.assertTrue(recordDigest(NAME) != checked);
    }

    function test_liveRecordIsNotUnapproved() public {
        add(vouched());
        approveRecord(NAME);
        Terms memory t = later(terms(), 1);
        expectRefusedAddition(
            vouched(t, vm.addr(DEVICE_KEY), VOUCHER_KEY), IRegistry.SkipReason.StillLive
        );
        vm.assertTrue(registry.getClient(NAME).live);
    }

    function test_liveNameOfAnotherWalletIsNotTaken() public {
        register(terms(), DEVICE_KEY);
        Terms memory t = later(terms(), 1);
        expectRefusedAddition(
            vouched(t, vm.addr(OTHER_KEY), VOUCHER_KEY), IRegistry.SkipReason.NameTaken
        );
    }

    function test_revokedAndExpiredNamesAreFree() public {
        add(vouched());
        approveRecord(NAME);
        vm.prank(APPROVER);
        registry.revokeClient(NAME);
        add(vouched(later(terms(), 1), vm.addr(OTHER_KEY), VOUCHER_KEY));
        approveRecord(NAME);
        vm.assertEq(registry.getClient(NAME).wallet, vm.addr(OTHER_KEY));
        vm.warp((uint256(TODAY) + 31) * 1 days);
        add(vouched(later(terms(), 2), vm.addr(DEVICE_KEY), VOUCHER_KEY));
        vm.assertEq(registry.getClient(NAME).wallet, vm.addr(DEVICE_KEY));
        vm.assertEq(registry.getClient(NAME).sequence, 3);
    }

    function test_pendingRecordHoldsNoName() public {
        add(vouched());
        add(vouched(later(terms(), 1), vm.addr(OTHER_KEY), VOUCHER_KEY));
        vm.assertEq(registry.getClient(NAME).wallet, vm.addr(OTHER_KEY));
        Terms memory t = later(terms(), 2);
        register(t, DEVICE_KEY);
        vm.assertTrue(registry.getClient(NAME).live);
        vm.assertEq(registry.getClient(NAME).wallet, vm.addr(DEVICE_KEY));
    }

    function test_additionsTermsAreThoseOfARegistration() public {
        Addition memory a = vouched();
        a.t.relay = relay + 1;
        expectRefusedAddition(a, IRegistry.SkipReason.UnknownRelay);
        (a.t.relay, a.t.port) = (relay, 49_999);
        expectRefusedAddition(a, IRegistry.SkipReason.PortOutOfRange);
        a = vouched();
        a.t.expiryDay = TODAY - 1;
        expectRefusedAddition(a, IRegistry.SkipReason.AlreadyExpired);
        a.t.expiryDay = TODAY + 1097;
        expectRefusedAddition(a, IRegistry.SkipReason.TooFar);
        a = vouched();
        a.t.key = 0;
        expectRefusedAddition(a, IRegistry.SkipReason.BadTerms);
        a = vouched();
        a.t.sequence = 1;
        expectRefusedAddition(a, IRegistry.SkipReason.WrongSequence);
    }

    function test_lastSequenceNumberIsNeverUsed() public {
        vm.store(address(registry), bytes32(at(NAME, 0)), bytes32(uint256(0xffff) << 60));
        Addition memory a = vouched();
        a.t.sequence = 0xffff;
        expectRefusedAddition(a, IRegistry.SkipReason.WrongSequence);
    }

    function test_onlyApproversApprove() public {
        add(vouched());
        bytes32 digest = recordDigest(NAME);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotApprover.selector, STRANGER));
        vm.prank(STRANGER);
        registry.approveClient(NAME, digest);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotApprover.selector, STRANGER));
        vm.prank(STRANGER);
        registry.approveClients(new IRegistry.Approval[](1));
    }

    function test_wrongDigestIsNotApproved() public {
        add(vouched());
        bytes32 digest = recordDigest(NAME);
        expectRefusal(NAME, IRegistry.SkipReason.WrongDigest);
        vm.prank(APPROVER);
        registry.approveClient(NAME, digest ^ bytes32(uint256(1)));
        vm.assertFalse(registry.getClient(NAME).live);
    }

    function test_onlyPendingRecordsAreApproved() public {
        bytes32 digest = recordDigest(NAME); // of two zero words
        expectRefusal(NAME, IRegistry.SkipReason.NotPending);
        vm.prank(APPROVER);
        registry.approveClient(NAME, digest);

        add(vouched());
        approveRecord(NAME);
        digest = recordDigest(NAME);
        expectRefusal(NAME, IRegistry.SkipReason.NotPending);
        vm.prank(APPROVER);
        registry.approveClient(NAME, digest);

        vm.prank(APPROVER);
        registry.revokeClient(NAME);
        expectRefusal(NAME, IRegistry.SkipReason.NotPending);
        vm.prank(APPROVER);
        registry.approveClient(NAME, digest);
    }

    function test_pendingRecordIsApprovedThroughItsLastDay() public {
        add(vouched());
        bytes32 digest = recordDigest(NAME);
        vm.warp((uint256(TODAY) + 31) * 1 days);
        expectRefusal(NAME, IRegistry.SkipReason.AlreadyExpired);
        vm.prank(APPROVER);
        registry.approveClient(NAME, digest);
        vm.warp((uint256(TODAY) + 31) * 1 days - 1);
        approveRecord(NAME);
        vm.assertTrue(registry.getClient(NAME).live);
    }

    function test_badApprovalIsSkippedAndItsNeighboursGoThrough() public {
        IRegistry.Approval[] memory batch = new IRegistry.Approval[](4);
        bytes32[3] memory names = [keccak256("one"), keccak256("two"), keccak256("three")];
        for (uint256 i = 0; i < 3; i++) {
            Terms memory t = terms();
            t.identity = names[i];
            add(vouched(t, vm.addr(1001 + i), VOUCHER_KEY));
            batch[i] = IRegistry.Approval(names[i], recordDigest(names[i]));
        }
        batch[1].digest = keccak256("not checked");
        batch[3] = batch[0]; // approved by then
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientSkipped(names[1], IRegistry.SkipReason.WrongDigest);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IRegistry.ClientSkipped(names[0], IRegistry.SkipReason.NotPending);
        vm.prank(APPROVER);
        vm.assertEq(registry.approveClients(batch), 2);
        vm.assertTrue(registry.getClient(names[0]).live);
        vm.assertFalse(registry.getClient(names[1]).live);
        vm.assertTrue(registry.getClient(names[2]).live);
    }

    function test_batchOfApprovalsIsBounded() public {
        IRegistry.Approval[] memory batch = new IRegistry.Approval[](257);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.BatchTooLarge.selector, 257, 256));
        vm.prank(APPROVER);
        registry.approveClients(batch);
    }

    function test_approvalLeavesTheLogAlone() public {
        uint256 head = slot(9);
        add(vouched());
        approveRecord(NAME);
        vm.assertEq(slot(9), head);
    }

    function test_deployedCodeIsWithinTheLimit() public view {
        vm.assertTrue(address(registry).code.length < 24_576); // EIP-170
    }
}
