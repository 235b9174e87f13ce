// SPDX-License-Identifier: BSD-3-Clause
pragma solidity 0.8.30;

/// @title What chainturn's directory of relays and devices offers, and what it stores.
///
/// @notice Proofs read the storage, so its layout is an interface. Fields are listed from the top
/// bit of a 256-bit word down; addresses are big-endian numbers, 0 meaning "none".
///
/// ```
/// slot 0   mapping(bytes32 identityHash => Device)   2 words at keccak256(identityHash . 0)
/// slot 1   mapping(uint256 index => Relay)           4 words at keccak256(index . 1)
/// slot 2   mapping(bytes32 pendingId => Relay)       pendingId = keccak256(abi.encode(owner, salt))
/// slot 3   WM key, current: keyId 32 at bit 64 | notAfter 64;  slot 4 Ed25519;  slot 5 X25519
/// slot 6   WM key, previous, the same in slots 6, 7, 8
/// slot 9   log head: top 192 bits of a keccak256 | count 64
/// slot 10  highest relay index given
/// slot 11  mapping(bytes16 relayed address => uint16[] indices approved there)
/// slot 12  mapping(address => bool) approvers
/// slot 17  the contract that this one's records were moved from, or 0
/// slot 18  the contract that this one's records were moved to, or 0
///
/// Device word 0  wallet 160 | state 4 | expiryDay 16 | sequence 16 | relay 14 | port 16
///                | backupRelay 14 | backupPort 16
/// Device word 1  X25519 key
/// Relay word 0   owner 160 | state 8 | listenPort 16 | portMin 16 | portMax 16 | expiryDay 16
///                | index 16 | zero 8
/// Relay word 1   listenIPv4 32 | relayIPv4 32 | zero 192
/// Relay word 2   listenIPv6 128 | relayIPv6 128
/// Relay word 3   X25519 key
/// ```
///
/// An expiryDay is a number of days since 1970-01-01 UTC: the record holds while
/// block.timestamp / 86400 <= expiryDay. An identity hash is keccak256 of the identity's bytes.
interface IRegistry {
    enum RelayState {
        None,
        Pending,
        Approved,
        Revoked,
        Withdrawn
    }

    enum DeviceState {
        None,
        Pending,
        Approved,
        Revoked
    }

    /// @notice The kinds of entry in the log; the numbers are hashed and never change.
    enum LogKind {
        None,
        /// subject: index; detail: the digest that was approved
        RelayApproved,
        /// subject: index; detail: zero
        RelayRevoked,
        /// subject: index; detail: zero
        RelayWithdrawn,
        /// subject: index; detail: zero
        RelayReinstated,
        /// subject: the 16-byte pass id, left-aligned; detail: zero
        PassRevoked,
        /// subject: identity hash; detail: zero
        ClientRevoked,
        /// subject: key id; detail: keccak256(abi.encode(ed25519, x25519, notAfter))
        WMKeySet
    }

    /// @notice Why one entry of a batch was left out, while the others went in.
    enum SkipReason {
        None,
        /// the signature recovers no address, or its s is in the upper half
        BadSignature,
        /// the block is later than the registration's deadline
        DeadlinePassed,
        /// the sequence number is not the stored one, or no number is left
        WrongSequence,
        /// another wallet holds a live record of that name
        NameTaken,
        /// no approved, unexpired relay has that index
        UnknownRelay,
        /// the port is outside the relay's range, or a port is given without a relay
        PortOutOfRange,
        /// the record would be expired already
        AlreadyExpired,
        /// the record would last longer than MAX_RECORD_DAYS
        TooFar,
        /// zero identity hash or key, or low 96 bits of `terms` not zero
        BadTerms,
        /// nothing to revoke: no record, not approved yet, or revoked before
        NotRegistered,
        /// nothing to change: no approved, unexpired record of that name
        NotLive,
        /// whoever sent or signed this is not the record's wallet
        NotItsWallet,
        /// nothing to approve: the record of that name is not pending
        NotPending,
        /// the pending record is not the one that was checked
        WrongDigest,
        /// the caller's own record of that name is approved and lives: updateAllocation changes it
        StillLive,
        /// no approver signed such a voucher for the caller
        NoVoucher,
        /// a renewal has another key than the record, or another day than its voucher
        OtherTerms
    }

    /// @notice What a relay's owner registers.
    /// @param index the approved index that this replaces, or 0 for a new relay
    struct RelayParams {
        uint32 listenIPv4;
        uint128 listenIPv6;
        uint16 listenPort;
        uint32 relayIPv4;
        uint128 relayIPv6;
        uint16 portMin;
        uint16 portMax;
        bytes32 key;
        uint16 index;
    }

    /// @notice A relay's record, decoded. `live`: approved and not expired.
    struct Server {
        address owner;
        RelayState state;
        bool live;
        uint16 index;
        uint16 expiryDay;
        uint32 listenIPv4;
        uint128 listenIPv6;
        uint16 listenPort;
        uint32 relayIPv4;
        uint128 relayIPv6;
        uint16 portMin;
        uint16 portMax;
        bytes32 key;
    }

    /// @notice A device's registration, signed by its wallet and submitted by an approver.
    /// @param terms deadline (unix seconds) 64 | expiryDay 16 | sequence 16 | relay 16 | port 16
    /// | backupRelay 16 | backupPort 16 | zero 96
    /// @param r,vs signature in EIP-2098's compact form over EIP-712's domain {"chainturn", "1",
    /// chain id, this contract} and the type Registration(bytes32 identity,bytes32 key,
    /// uint16 relay,uint16 port,uint16 backupRelay,uint16 backupPort,uint16 expiryDay,
    /// uint16 sequence,uint64 deadline)
    struct Registration {
        bytes32 identityHash;
        bytes32 key;
        uint256 terms;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A pending device that was checked.
    /// @param digest keccak256 of the record's two words, the state zeroed
    struct Approval {
        bytes32 identityHash;
        bytes32 digest;
    }

    /// @notice New relays and ports of a live device, signed by its wallet, submitted by anyone.
    /// @param terms as in a Registration, expiryDay zero
    /// @param r,vs over Update(bytes32 identity,uint16 relay,uint16 port,uint16 backupRelay,
    /// uint16 backupPort,uint16 sequence,uint64 deadline)
    struct Update {
        bytes32 identityHash;
        uint256 terms;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A new X25519 key of a live device, signed by its wallet, submitted by anyone.
    /// @param terms as in a Registration, all zero but deadline and sequence
    /// @param r,vs over KeyRotation(bytes32 identity,bytes32 key,uint16 sequence,uint64 deadline)
    struct KeyRotation {
        bytes32 identityHash;
        bytes32 key;
        uint256 terms;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A device's record, decoded. `live`: approved and not expired.
    struct Client {
        address wallet;
        DeviceState state;
        bool live;
        uint16 expiryDay;
        uint16 sequence;
        uint16 relay;
        uint16 port;
        uint16 backupRelay;
        uint16 backupPort;
        bytes32 key;
    }

    /// @notice A relayed transport address; all zero when there is none in force.
    struct RelayedAddress {
        uint16 relay;
        uint32 ipv4;
        uint128 ipv6;
        uint16 port;
    }

    /// @notice One generation of the wallet manager's keys.
    /// @param notAfter unix seconds after which nothing under this generation is to be accepted
    struct WMKey {
        uint32 keyId;
        uint64 notAfter;
        bytes32 ed25519;
        bytes32 x25519;
    }

    /// @notice An entry of the log. head' = top 192 bits of keccak256(abi.encode(old slot value as
    /// bytes32, uint8 kind, subject, detail)), count' = count + 1 = number.
    event Logged(uint64 indexed number, uint8 kind, bytes32 subject, bytes32 detail);

    event ServerPending(bytes32 indexed pendingId, address indexed owner, bytes32 digest);
    event ServerCancelled(bytes32 indexed pendingId);
    event ServerApproved(
        uint16 indexed index, address indexed owner, bytes32 pendingId, uint16 expiryDay
    );
    event ServerRenewed(uint16 indexed index, uint16 expiryDay);
    event ServerRevoked(uint16 indexed index);
    event ServerReinstated(uint16 indexed index);
    event ServerWithdrawn(uint16 indexed index);

    /// @param word0 the device's first storage word as it now stands
    event ClientRegistered(bytes32 indexed identityHash, address indexed wallet, uint256 word0);
    event ClientPending(bytes32 indexed identityHash);
    event ClientApproved(bytes32 indexed identityHash);
    /// @param word0 the device's first storage word as it now stands
    event ClientUpdated(bytes32 indexed identityHash, uint256 word0);
    event ClientKeyRotated(bytes32 indexed identityHash, bytes32 key, uint16 sequence);
    event ClientSkipped(bytes32 indexed identityHash, SkipReason reason);
    event ClientRevoked(bytes32 indexed identityHash);
    event PassRevoked(bytes16 indexed passId);
    event WMKeySet(uint32 indexed keyId, bytes32 ed25519, bytes32 x25519, uint64 notAfter);
    event PredecessorSet(address registry);
    event SuccessorSet(address registry);
    event ApproverSet(address indexed account, bool allowed);

    /// @notice The caller is not an approver.
    error NotApprover(address account);
    /// @notice The caller does not own that relay.
    error NotRelayOwner(uint16 index, address account);
    /// @notice No pending record has that id.
    error NotPending(bytes32 pendingId);
    /// @notice The pending record is not the one that was checked.
    error DigestMismatch(bytes32 wanted, bytes32 found);
    /// @notice The relay's state does not allow this.
    error WrongState(uint16 index, RelayState state);
    /// @notice An approved relay holds ports of that range on that relayed address.
    error RangeTaken(uint16 byIndex);
    /// @notice A relayed address carries MAX_RELAYS_PER_ADDRESS relays already.
    error AddressFull();
    /// @notice Every index is given.
    error NoIndexLeft();
    /// @notice Neither family has both a listening and a relayed address, or an IPv6 field holds
    /// an IPv4-mapped address.
    error BadAddress();
    /// @notice Listening port 0, range empty, upside down or below MIN_RELAY_PORT, or the
    /// listening port lies in the relay range of the same address.
    error BadPorts();
    error ZeroKey();
    error ZeroAccount();
    /// @notice The day is past, or more than MAX_RECORD_DAYS ahead.
    error BadExpiry(uint256 value);
    error BatchTooLarge(uint256 length, uint256 limit);
    /// @notice A page starts at index 1 or later and holds at most MAX_PAGE relays.
    error BadPage(uint256 from, uint256 count);
    /// @notice There is nothing to revoke under that name.
    error NotRegistered(bytes32 identityHash);
    /// @notice A call for one device does not hold; a batch would have skipped it for that reason.
    error ClientRefused(bytes32 identityHash, SkipReason reason);
    /// @notice The owner has named no contract to take records over from.
    error NoPredecessor();
    /// @notice A contract follows no other than another one.
    error OwnSuccessor();
    /// @notice Another record has that index here.
    error IndexTaken(uint16 index);
    /// @notice Without an owner nobody could ever replace the wallet manager's keys.
    error OwnerRequired();

    /// @notice Propose a relay, or a change of an approved one. Reserves nothing; the same caller
    /// and salt overwrite the caller's earlier proposal.
    /// @return pendingId keccak256(abi.encode(caller, salt))
    function registerServer(bytes32 salt, RelayParams calldata p)
        external
        returns (bytes32 pendingId);

    /// @notice Take the caller's own proposal back.
    function cancelServer(bytes32 salt) external;

    /// @notice Approve a proposal exactly as it was checked. Approver only.
    /// @param digest keccak256 of the pending record's four words, state and expiryDay zeroed
    /// @return index the relay's index: a new one, or the one it replaces
    function approveServer(bytes32 pendingId, bytes32 digest, uint16 expiryDay)
        external
        returns (uint16 index);

    /// @notice Move an approved relay's expiry. Approver only.
    function renewServer(uint16 index, uint16 expiryDay) external;

    /// @notice Approved to revoked. Approver only.
    function revokeServer(uint16 index) external;

    /// @notice Revoked back to approved, if its ports are still free. Approver only.
    function reinstateServer(uint16 index) external;

    /// @notice The owner takes an approved relay away; it comes back only by a new approval.
    function withdrawServer(uint16 index) external;

    /// @notice Write devices' signed registrations. Approver only. An entry that does not hold is
    /// skipped with ClientSkipped; its neighbours go in.
    /// @return written how many went in
    function registerClients(Registration[] calldata batch) external returns (uint256 written);

    /// @notice Write the caller's own record as pending, on a voucher of an approver. The caller is
    /// the voucher's wallet. Refused while an approved record of that name lives, unless the voucher
    /// is one to renew it: then the record stays approved, with other relays, ports and expiryDay,
    /// which is never an earlier one, and the event is ClientRegistered.
    /// @dev A voucher is bound to name, wallet and deadline and is not used up, which saves the
    /// 22,100 gas of a mark: all that a second use can do is to replace the same wallet's record
    /// of the same name, which is pending again and needs an approval that names its new digest; or
    /// to move the renewed record as updateAllocation would, and to set the voucher's day again
    /// should an approver have revoked the record meanwhile and registered the same wallet and key
    /// for a shorter time. The token itself never comes here.
    /// @param tokenHash keccak256 of the token that the voucher was given for; or, below 2^16 as no
    /// hash is, the expiryDay, not before the present one, to which the caller's live record, with
    /// the key that it has, is renewed
    /// @param terms as in a Registration; the deadline is the voucher's
    /// @param r,vs the approver's signature over Voucher(bytes32 identity,bytes32 tokenHash,
    /// address wallet,uint64 deadline)
    function addClient(
        bytes32 identityHash,
        bytes32 tokenHash,
        bytes32 key,
        uint256 terms,
        bytes32 r,
        bytes32 vs
    ) external;

    /// @notice Approve a pending device exactly as it was checked. Approver only.
    /// @param digest keccak256 of the pending record's two words, the state zeroed
    function approveClient(bytes32 identityHash, bytes32 digest) external;

    /// @notice The same for many. An entry that does not hold is skipped with ClientSkipped.
    /// @return approved how many were approved
    function approveClients(Approval[] calldata batch) external returns (uint256 approved);

    /// @notice The caller's live record moves to other relays and ports. Its expiry stays.
    /// @param sequence the stored number; the next one is stored
    function updateAllocation(
        bytes32 identityHash,
        uint16 relay,
        uint16 port,
        uint16 backupRelay,
        uint16 backupPort,
        uint16 sequence
    ) external;

    /// @notice The same, signed, for devices without ether. Anyone may submit; an entry that does
    /// not hold is skipped with ClientSkipped.
    /// @return written how many went in
    function updateAllocations(Update[] calldata batch) external returns (uint256 written);

    /// @notice Replace devices' X25519 keys, signed; otherwise like updateAllocations.
    function rotateKeys(KeyRotation[] calldata batch) external returns (uint256 written);

    /// @notice A device takes its own record back. Anyone may submit.
    /// @param r,vs the wallet's signature over SelfRevocation(bytes32 identity,uint16 sequence,
    /// uint64 deadline)
    function revokeSelf(
        bytes32 identityHash,
        uint16 sequence,
        uint64 deadline,
        bytes32 r,
        bytes32 vs
    ) external;

    /// @notice Revoke a device; its sequence number stays. Approver only.
    function revokeClient(bytes32 identityHash) external;

    /// @notice Revoke devices; names with nothing to revoke are skipped. Approver only.
    function revokeClients(bytes32[] calldata identityHashes) external;

    /// @notice Put a pass on the log as revoked. Approver only.
    function revokePass(bytes16 passId) external;
    function revokePasses(bytes16[] calldata passIds) external;

    /// @notice Begin a generation of the wallet manager's keys; the current one becomes the
    /// previous one. Owner only.
    function setWMKey(bytes32 ed25519, bytes32 x25519, uint64 notAfter) external;

    /// @notice Owner only.
    function setApprover(address account, bool allowed) external;

    /// @notice Name the contract that records are taken over from; 0 for none. Owner only.
    function setPredecessor(address registry) external;

    /// @notice Tell everybody that the records are in another contract now, whose word counts from
    /// here on; 0 takes it back. Owner only.
    function setSuccessor(address registry) external;

    /// @notice Take live relays of the predecessor over, under their own indices. Approver only.
    /// All or none; each is logged as approved.
    function adoptServers(uint16[] calldata indices) external;

    /// @notice Take live devices of the predecessor over: wallet, key, sequence and expiry as they
    /// are there. Approver only. An entry that does not hold is skipped with ClientSkipped.
    /// @return written how many were taken over
    function adoptClients(bytes32[] calldata identityHashes) external returns (uint256 written);

    function predecessor() external view returns (address);
    function successor() external view returns (address);

    /// @notice A device's record; state None and all zero for a name that is not there.
    function getClient(bytes32 identityHash) external view returns (Client memory);

    /// @notice A device's X25519 key; zero unless the record is live.
    function getClientPuk(bytes32 identityHash) external view returns (bytes32);

    /// @notice Where a device is reached; zero unless device and relay are live.
    function getClientRelayedAddress(bytes32 identityHash)
        external
        view
        returns (RelayedAddress memory primary, RelayedAddress memory backup);

    function getServer(uint16 index) external view returns (Server memory);

    /// @notice A proposal, and the digest under which it may be approved.
    function getPending(bytes32 pendingId) external view returns (Server memory, bytes32 digest);

    /// @notice Relays `from`, `from + 1`, .. at most `count` (<= MAX_PAGE), in whatever state.
    function getServers(uint256 from, uint256 count) external view returns (Server[] memory);

    /// @notice The highest index given.
    function serversCount() external view returns (uint256);

    function getWMKey() external view returns (WMKey memory current, WMKey memory previous);
    function logHead() external view returns (bytes24 head, uint64 count);
    function isApprover(address account) external view returns (bool);
}
