// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Devices} from "./Devices.sol";
import {Pack} from "./Pack.sol";

/// @title The funded road: a device writes its own record, and an approver approves what it checked;
/// later it renews that record itself.
abstract contract Funded is Devices {
    bytes32 internal constant VOUCHER_TYPEHASH =
        keccak256("Voucher(bytes32 identity,bytes32 tokenHash,address wallet,uint64 deadline)");

    function addClient(
        bytes32 identityHash,
        bytes32 tokenHash,
        bytes32 key,
        uint256 terms,
        bytes32 r,
        bytes32 vs
    ) external {
        _demand(identityHash, _checkTerms(identityHash, key, terms));
        _demand(identityHash, _checkVoucher(identityHash, tokenHash, terms, r, vs));
        SkipReason reason;
        if (uint256(tokenHash) > type(uint16).max) {
            (reason,) = _write(identityHash, key, terms, msg.sender, DeviceState.Pending);
            _demand(identityHash, reason);
            emit ClientPending(identityHash);
            return;
        }
        uint256 word0;
        _demand(identityHash, _checkRenewal(identityHash, uint256(tokenHash), key, terms));
        (reason, word0) = _write(identityHash, key, terms, msg.sender, DeviceState.Approved);
        _demand(identityHash, reason);
        emit ClientRegistered(identityHash, msg.sender, word0);
    }

    function approveClient(bytes32 identityHash, bytes32 digest) external onlyApprover {
        _demand(identityHash, _approve(identityHash, digest));
    }

    function approveClients(Approval[] calldata batch)
        external
        onlyApprover
        returns (uint256 approved)
    {
        if (batch.length > MAX_BATCH) revert BatchTooLarge(batch.length, MAX_BATCH);
        for (uint256 i = 0; i < batch.length; i++) {
            SkipReason reason = _approve(batch[i].identityHash, batch[i].digest);
            if (reason == SkipReason.None) {
                approved++;
            } else {
                emit ClientSkipped(batch[i].identityHash, reason);
            }
        }
    }

    /// @dev An approver's word for a day lengthens a record, and can neither begin nor shorten one nor
    /// give it another key; whose record it is _write checks.
    function _checkRenewal(bytes32 identityHash, uint256 day, bytes32 key, uint256 terms)
        private
        view
        returns (SkipReason)
    {
        Device storage d = _devices[identityHash];
        uint256 w = d.word0;
        if (!_deviceLive(w)) return SkipReason.NotLive;
        if (d.key != key || Pack.termsExpiryDay(terms) != day || day < Pack.deviceExpiryDay(w)) {
            return SkipReason.OtherTerms;
        }
        return SkipReason.None;
    }

    function _approve(bytes32 identityHash, bytes32 digest) private returns (SkipReason) {
        Device storage d = _devices[identityHash];
        uint256 w = d.word0;
        if (!Pack.isDeviceState(w, DeviceState.Pending)) return SkipReason.NotPending;
        if (Pack.deviceExpiryDay(w) < _today()) return SkipReason.AlreadyExpired;
        if (Pack.deviceDigest(w, d.key) != digest) return SkipReason.WrongDigest;
        d.word0 = Pack.withDeviceState(w, DeviceState.Approved);
        emit ClientApproved(identityHash);
        return SkipReason.None;
    }

    /// @dev The deadline was checked with the other terms.
    function _checkVoucher(
        bytes32 identityHash,
        bytes32 tokenHash,
        uint256 terms,
        bytes32 r,
        bytes32 vs
    ) private view returns (SkipReason) {
        bytes32 digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    VOUCHER_TYPEHASH, identityHash, tokenHash, msg.sender, Pack.termsDeadline(terms)
                )
            )
        );
        (address signer, ECDSA.RecoverError err,) = ECDSA.tryRecover(digest, r, vs);
        if (err != ECDSA.RecoverError.NoError) return SkipReason.BadSignature;
        return _approvers[signer] ? SkipReason.None : SkipReason.NoVoucher;
    }
}
