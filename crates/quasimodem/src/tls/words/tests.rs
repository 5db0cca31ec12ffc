use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use rustls::InvalidMessage as M;
use rustls::PeerIncompatible as I;
use rustls::PeerMisbehaved as P;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertRevocationListError, EncryptedClientHelloError, InconsistentKeys, OtherError};
use webpki::Error as E;

use super::*;

/// Checks a table of all that an error can be, each with its words, which are none that Rust has for it.
fn check<T: Debug>(table: Vec<(Vec<T>, &str)>, subject: &str, words: impl Fn(&T) -> String) {
    for (errors, due) in table {
        for error in errors {
            let said = words(&error);
            assert_eq!(said, format!("{subject}{due}"), "{error:?}");
            let shown = format!("{error:?}");
            let name: String = shown.chars().take_while(char::is_ascii_alphanumeric).collect();
            assert!(!said.contains(&name) && said.is_ascii() && said.len() <= 100, "{said}");
        }
    }
}

#[test]
fn protocol_errors() {
    let table = vec![
        (
            vec![Error::InappropriateMessage {
                expect_types: vec![ContentType::Handshake, ContentType::Alert],
                got_type: ContentType::ApplicationData,
            }],
            "the peer sent data where a handshake message or an alert was due",
        ),
        (
            vec![Error::InappropriateMessage {
                expect_types: vec![ContentType::ChangeCipherSpec],
                got_type: ContentType::Unknown(99),
            }],
            "the peer sent a record of type 99 where ChangeCipherSpec was due",
        ),
        (
            vec![Error::InappropriateHandshakeMessage {
                expect_types: vec![HandshakeType::ServerHello, HandshakeType::HelloRetryRequest],
                got_type: HandshakeType::ClientHello,
            }],
            "the peer sent ClientHello where ServerHello or HelloRetryRequest was due",
        ),
        (
            vec![Error::InappropriateHandshakeMessage {
                expect_types: vec![HandshakeType::Finished],
                got_type: HandshakeType::Unknown(99),
            }],
            "the peer sent a handshake message of type 99 where Finished was due",
        ),
        (
            vec![Error::InvalidEncryptedClientHello(EncryptedClientHelloError::SniRequired)],
            "the settings for an encrypted ClientHello are not valid",
        ),
        (vec![Error::NoCertificatesPresented], "the peer sent no certificate"),
        (vec![Error::UnsupportedNameType], "the server's name is not one that TLS can ask for"),
        (vec![Error::DecryptError], "the peer sent a record that can't be decrypted"),
        (vec![Error::EncryptError], "a record could not be encrypted"),
        (vec![Error::AlertReceived(AlertDescription::UnknownCA)], "the peer sent an alert: unknown CA (48)"),
        (
            vec![Error::InvalidCertRevocationList(CertRevocationListError::BadSignature)],
            "the list of revoked certificates is not valid",
        ),
        (vec![Error::FailedToGetCurrentTime], "the system's clock can't be read"),
        (vec![Error::FailedToGetRandomBytes], "the system has no random numbers"),
        (vec![Error::HandshakeNotComplete], "the handshake is not complete"),
        (vec![Error::PeerSentOversizedRecord], "the peer sent a record that is longer than TLS allows"),
        (vec![Error::NoApplicationProtocol], "there is no protocol name (ALPN) in common"),
        (vec![Error::BadMaxFragmentSize], "the length of fragments is not valid"),
        (
            vec![Error::InconsistentKeys(InconsistentKeys::KeyMismatch)],
            "certificate and private key do not belong together",
        ),
    ];
    check(table, "", protocol);
    assert_eq!(protocol(&Error::General("no luck".into())), "the TLS library failed: no luck");
    let other = Error::Other(OtherError(Arc::new(io::Error::other("no luck"))));
    assert_eq!(protocol(&other), "the TLS library failed: no luck");
    let expired = CertificateError::ExpiredContext { time: TIME, not_after: TIME };
    assert_eq!(protocol(&expired.into()), "the peer's certificate is expired");
}

#[test]
fn messages() {
    let table = vec![
        (vec![M::CertificatePayloadTooLarge], "sent certificates of more than 64 KiB"),
        (vec![M::HandshakePayloadTooLarge], "sent a handshake message of more than 64 KiB"),
        (vec![M::InvalidCcs], "sent a malformed ChangeCipherSpec"),
        (vec![M::InvalidContentType], "sent something that is not TLS"),
        (vec![M::InvalidCertificateStatusType], "sent a certificate status of an unknown type"),
        (vec![M::InvalidCertRequest], "sent a malformed request for a client certificate"),
        (vec![M::InvalidDhParams], "sent Diffie-Hellman parameters that are not valid"),
        (vec![M::InvalidEmptyPayload], "sent an empty record where none is allowed"),
        (vec![M::InvalidKeyUpdate], "sent a malformed request for new keys"),
        (vec![M::InvalidServerName], "sent a malformed server name"),
        (vec![M::MessageTooLarge], "sent a record that is longer than TLS allows"),
        (vec![M::MessageTooShort, M::MissingData("Server")], "sent a message that is too short"),
        (vec![M::MissingKeyExchange], "sent no key exchange"),
        (vec![M::NoSignatureSchemes], "sent no signature algorithms"),
        (vec![M::TrailingData("Server")], "sent a message with something after its end"),
        (vec![M::UnexpectedMessage("Server")], "sent a message of an unknown kind"),
        (vec![M::UnknownProtocolVersion], "sent a record of an unknown version"),
        (vec![M::UnsupportedCompression], "sent a compression that is not supported"),
        (vec![M::UnsupportedCurveType], "sent an elliptic curve of a kind that is not supported"),
        (vec![M::EmptyTicketValue], "sent an empty session ticket"),
        (vec![M::IllegalEmptyList("Server")], "sent an empty list where none is allowed"),
        (vec![M::IllegalEmptyValue], "sent an empty value where none is allowed"),
        (vec![M::DuplicateExtension(11)], "sent extension 11 twice"),
        (vec![M::PreSharedKeyIsNotFinalExtension], "sent a pre-shared key that is not the last extension"),
        (vec![M::UnknownHelloRetryRequestExtension], "sent an unknown extension in HelloRetryRequest"),
        (vec![M::UnknownCertificateExtension], "sent an unknown extension with its certificate"),
    ];
    check(table, "the peer ", |error| protocol(&Error::from(*error)));
}

#[test]
fn misbehaviour() {
    let table = vec![
        (
            vec![P::AttemptedDowngradeToTls12WhenTls13IsSupported],
            "has TLS 1.3 and chose 1.2: somebody in between changed the handshake",
        ),
        (
            vec![P::BadCertChainExtensions, P::UnsolicitedCertExtension],
            "sent an extension with its certificate unasked",
        ),
        (
            vec![P::CipherSuiteDifferedOnRetry, P::SelectedDifferentCipherSuiteAfterRetry],
            "chose another cipher suite after HelloRetryRequest",
        ),
        (
            vec![P::DisallowedEncryptedExtension, P::UnexpectedCleartextExtension],
            "sent an extension where it is not allowed",
        ),
        (
            vec![
                P::DuplicateClientHelloExtensions,
                P::DuplicateEncryptedExtensions,
                P::DuplicateHelloRetryRequestExtensions,
                P::DuplicateNewSessionTicketExtensions,
                P::DuplicateServerHelloExtensions,
            ],
            "sent an extension twice",
        ),
        (vec![P::DuplicateServerNameTypes, P::ServerNameMustContainOneHostName], "sent more than one server name"),
        (
            vec![
                P::EarlyDataAttemptedInSecondClientHello,
                P::EarlyDataExtensionWithoutResumption,
                P::EarlyDataOfferedWithVariedCipherSuite,
                P::InvalidMaxEarlyDataSize,
                P::OfferedEarlyDataWithOldProtocolVersion,
                P::RejectedEarlyDataInterleavedWithHandshakeMessage,
                P::TooMuchEarlyDataReceived,
            ],
            "made a mistake with early data",
        ),
        (
            vec![
                P::EchAcceptanceVariedAfterRetry,
                P::IllegalHelloRetryRequestWithInvalidEch,
                P::UnsolicitedEchExtension,
            ],
            "made a mistake with an encrypted ClientHello",
        ),
        (vec![P::HandshakeHashVariedAfterRetry], "chose another hash after HelloRetryRequest"),
        (
            vec![
                P::IllegalHelloRetryRequestWithEmptyCookie,
                P::IllegalHelloRetryRequestWithNoChanges,
                P::IllegalHelloRetryRequestWithOfferedGroup,
                P::IllegalHelloRetryRequestWithUnofferedCipherSuite,
                P::IllegalHelloRetryRequestWithUnofferedNamedGroup,
                P::IllegalHelloRetryRequestWithUnsupportedVersion,
                P::IllegalHelloRetryRequestWithWrongSessionId,
            ],
            "sent a HelloRetryRequest that is not valid",
        ),
        (vec![P::IllegalMiddleboxChangeCipherSpec], "sent ChangeCipherSpec where it is not allowed"),
        (vec![P::IllegalTlsInnerPlaintext], "sent an encrypted record without contents"),
        (
            vec![
                P::IncorrectBinder,
                P::MissingBinderInPskExtension,
                P::MissingPskExtensionInSecondClientHello,
                P::MissingPskModesExtension,
                P::PskExtensionMustBeLast,
                P::PskExtensionWithMismatchedIdsAndBinders,
                P::SelectedInvalidPsk,
                P::SelectedUnofferedPsk,
            ],
            "made a mistake with a pre-shared key",
        ),
        (
            vec![
                P::InvalidCertCompression,
                P::OfferedDuplicateCertificateCompressions,
                P::OfferedIncorrectCompressions,
                P::SelectedUnofferedCertCompression,
            ],
            "made a mistake with the compression of certificates",
        ),
        (
            vec![P::InvalidKeyShare, P::MissingKeyShare, P::OfferedDuplicateKeyShares, P::WrongGroupForKeyShare],
            "sent a key share that is not valid",
        ),
        (vec![P::KeyEpochWithPendingFragment], "changed keys within a message"),
        (vec![P::KeyUpdateReceivedInQuicConnection, P::MissingQuicTransportParameters], "made a mistake with QUIC"),
        (vec![P::MessageInterleavedWithHandshakeMessage], "sent something else within a handshake message"),
        (vec![P::OfferedEmptyApplicationProtocol], "offered an empty protocol name (ALPN)"),
        (vec![P::RefusedToFollowHelloRetryRequest], "ignored a HelloRetryRequest"),
        (
            vec![
                P::ResumptionAttemptedWithVariedEms,
                P::ResumptionOfferedWithVariedCipherSuite,
                P::ResumptionOfferedWithVariedEms,
                P::ResumptionOfferedWithIncompatibleCipherSuite,
            ],
            "resumed a session in another way than it began",
        ),
        (vec![P::SelectedTls12UsingTls13VersionExtension], "chose TLS 1.2 in the way of 1.3"),
        (vec![P::SelectedUnofferedApplicationProtocol], "chose a protocol name (ALPN) that was not offered"),
        (vec![P::SelectedUnofferedCipherSuite], "chose a cipher suite that was not offered"),
        (vec![P::SelectedUnofferedCompression], "chose a compression that was not offered"),
        (vec![P::SelectedUnofferedKxGroup], "chose a key exchange that was not offered"),
        (vec![P::SelectedUnusableCipherSuiteForVersion], "chose a cipher suite of another version of TLS"),
        (vec![P::ServerEchoedCompatibilitySessionId], "repeated a session id that it should not know"),
        (vec![P::ServerHelloMustOfferUncompressedEcPoints], "offers compressed points of elliptic curves only"),
        (vec![P::ServerNameDifferedOnRetry], "changed the server name after HelloRetryRequest"),
        (
            vec![P::SignedKxWithWrongAlgorithm, P::SignedHandshakeWithUnadvertisedSigScheme],
            "signed the handshake with an algorithm that was not offered",
        ),
        (vec![P::TooManyEmptyFragments], "sent one empty record after the other"),
        (vec![P::TooManyKeyUpdateRequests], "asked for new keys again and again"),
        (vec![P::TooManyRenegotiationRequests], "asked for renegotiation again and again"),
        (vec![P::TooManyWarningAlertsReceived], "sent one warning after the other"),
        (vec![P::UnsolicitedEncryptedExtension, P::UnsolicitedServerHelloExtension], "sent an extension unasked"),
        (vec![P::UnsolicitedSctList], "sent proofs of certificate transparency unasked"),
    ];
    check(table, "the peer ", |error| protocol(&Error::from(error.clone())));
}

#[test]
fn incompatibility() {
    let table = vec![
        (
            vec![I::EcPointsExtensionRequired, I::NoEcPointFormatsInCommon, I::UncompressedEcPointsRequired],
            "can't send elliptic curve points uncompressed",
        ),
        (vec![I::ExtendedMasterSecretExtensionRequired], "lacks the extended master secret (RFC 7627)"),
        (
            vec![I::IncorrectCertificateTypeExtension, I::UnsolicitedCertificateTypeExtension],
            "wants a raw public key in place of a certificate",
        ),
        (
            vec![I::KeyShareExtensionRequired, I::NamedGroupsExtensionRequired, I::NoKxGroupsInCommon],
            "has no key exchange in common",
        ),
        (
            vec![
                I::NoCertificateRequestSignatureSchemesInCommon,
                I::NoSignatureSchemesInCommon,
                I::SignatureAlgorithmsExtensionRequired,
            ],
            "has no signature algorithm in common",
        ),
        (vec![I::NoCipherSuitesInCommon], "has no cipher suite in common"),
        (vec![I::NullCompressionRequired], "can't go without compression"),
        (
            vec![
                I::ServerDoesNotSupportTls12Or13,
                I::ServerTlsVersionIsDisabledByOurConfig,
                I::SupportedVersionsExtensionRequired,
                I::Tls12NotOffered,
                I::Tls12NotOfferedOrEnabled,
                I::Tls13RequiredForQuic,
            ],
            "has no TLS version in common",
        ),
        (
            vec![I::ServerSentHelloRetryRequestWithUnknownExtension],
            "sent a HelloRetryRequest with an unknown extension",
        ),
        (vec![I::ServerRejectedEncryptedClientHello(None)], "refused an encrypted ClientHello"),
    ];
    check(table, "the peer ", |error| protocol(&Error::from(error.clone())));
}

#[test]
fn certificates() {
    let table = vec![
        (vec![CertificateError::BadEncoding], "can't be read"),
        (vec![CertificateError::Expired], "ends before it begins"),
        (vec![CertificateError::ExpiredContext { time: TIME, not_after: TIME }], "is expired"),
        (
            vec![CertificateError::NotValidYet, CertificateError::NotValidYetContext { time: TIME, not_before: TIME }],
            "is not valid yet",
        ),
        (vec![CertificateError::Revoked], "is revoked"),
        (vec![CertificateError::UnhandledCriticalExtension], "has a critical extension that is not known"),
        (vec![CertificateError::UnknownIssuer], "is not signed by a trusted authority"),
        (
            vec![
                CertificateError::UnknownRevocationStatus,
                CertificateError::ExpiredRevocationList,
                CertificateError::ExpiredRevocationListContext { time: TIME, next_update: TIME },
            ],
            "may be revoked, which can't be found out",
        ),
        (vec![CertificateError::BadSignature], "is not signed by the key of its issuer"),
        (
            vec![
                CertificateError::UnsupportedSignatureAlgorithmContext {
                    signature_algorithm_id: SHA1.into(),
                    supported_algorithms: Vec::new(),
                },
                CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                    signature_algorithm_id: SHA1.into(),
                    public_key_algorithm_id: Vec::new(),
                },
            ],
            "is signed with SHA-1, which is too weak",
        ),
        (vec![CertificateError::NotValidForName], "is for another name"),
        (vec![CertificateError::InvalidPurpose], "is not for this purpose"),
        (
            vec![CertificateError::InvalidPurposeContext {
                required: ExtendedKeyPurpose::ServerAuth,
                presented: vec![ExtendedKeyPurpose::ClientAuth, ExtendedKeyPurpose::Other(vec![1, 3, 6])],
            }],
            "is for clients and the purpose 1.3.6, not for servers",
        ),
        (
            vec![CertificateError::InvalidPurposeContext {
                required: ExtendedKeyPurpose::ServerAuth,
                presented: Vec::new(),
            }],
            "is not for servers",
        ),
        (vec![CertificateError::InvalidOcspResponse], "came with a response about its revocation that is not valid"),
        (vec![CertificateError::ApplicationVerificationFailure], "is not accepted"),
    ];
    check(table, "", certificate);
    // Ours is in words already.
    let ours = CertificateError::Other(OtherError(Arc::new(io::Error::other("no luck"))));
    assert_eq!(certificate(&ours), "can't be used: no luck");
    let inner = CertificateError::Other(OtherError(Arc::new(E::MaximumPathDepthExceeded)));
    assert_eq!(certificate(&inner), x509(&E::MaximumPathDepthExceeded));
}

/// Those of lists of revoked certificates can't come, since there are none.
#[test]
fn certificates_as_they_are_checked() {
    let table = vec![
        (vec![E::BadDer, E::BadDerTime], "can't be read"),
        (vec![E::CaUsedAsEndEntity], "is that of an authority, and not for itself"),
        (vec![E::CertDistrusted], "has a key that is not trusted any more"),
        (vec![E::CertExpired { time: TIME, not_after: TIME }], "is expired"),
        (vec![E::CertNotValidYet { time: TIME, not_before: TIME }], "is not valid yet"),
        (vec![E::CertRevoked], "is revoked"),
        (
            vec![E::CrlExpired { time: TIME, next_update: TIME }, E::UnknownRevocationStatus],
            "may be revoked, which can't be found out",
        ),
        (vec![E::EmptyEkuExtension, E::ExtensionValueInvalid, E::MalformedExtensions], "has a malformed extension"),
        (vec![E::EndEntityUsedAsCa], "is signed with a certificate that is not one of an authority"),
        (vec![E::InvalidCertValidity], "ends before it begins"),
        (
            vec![
                E::InvalidCrlNumber,
                E::InvalidCrlSignatureForPublicKey,
                E::IssuerNotCrlSigner,
                E::UnsupportedCrlIssuingDistributionPoint,
                E::UnsupportedCrlVersion,
                E::UnsupportedDeltaCrl,
                E::UnsupportedIndirectCrl,
                E::UnsupportedRevocationReason,
                E::UnsupportedRevocationReasonsPartitioning,
            ],
            "can't be checked",
        ),
        (
            vec![E::InvalidNetworkMaskConstraint, E::MalformedNameConstraint],
            "is signed by an authority with malformed limits for names",
        ),
        (vec![E::InvalidSerialNumber], "has a malformed serial number"),
        (vec![E::InvalidSignatureForPublicKey], "is not signed by the key of its issuer"),
        (vec![E::MalformedDnsIdentifier], "has a malformed DNS name"),
        (vec![E::MaximumNameConstraintComparisonsExceeded], "is signed by an authority with too many limits for names"),
        (
            vec![E::MaximumPathBuildCallsExceeded, E::MaximumSignatureChecksExceeded],
            "came with too many others to find out which of them signed it",
        ),
        (
            vec![E::MaximumPathDepthExceeded],
            "has more than 6 authorities between it and a root, or they go in a circle",
        ),
        (vec![E::NameConstraintViolation], "has a name that its authority may not sign"),
        (vec![E::PathLenConstraintViolated], "has more authorities between it and its root than one of them allows"),
        (vec![E::SignatureAlgorithmMismatch], "names two signature algorithms that differ"),
        (vec![E::UnknownIssuer], "is not signed by a trusted authority"),
        (vec![E::UnsupportedCertVersion], "is X.509 v1, and only v3 can be checked"),
        (vec![E::UnsupportedCriticalExtension], "has a critical extension that is not known"),
        (vec![E::UnsupportedNameType], "has a name of a kind that is not supported"),
    ];
    check(table, "", |error| x509(error).into());
}

#[test]
fn clients_of_the_lab() {
    let wrapped = |error: Error| of_client(&io::Error::new(io::ErrorKind::InvalidData, error));
    assert_eq!(wrapped(Error::AlertReceived(AlertDescription::UnknownCA)), "the peer sent an alert: unknown CA (48)");
    assert_eq!(of_client(&io::ErrorKind::UnexpectedEof.into()), "the peer ended the connection in the handshake");
    assert_eq!(of_client(&io::Error::new(io::ErrorKind::InvalidData, "message buffer full")), BUFFER_FULL);
    let reset = io::Error::from_raw_os_error(104);
    assert_eq!(of_client(&reset), reset.to_string());
}

const TIME: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1));
/// The identifier of RSA with SHA-1.
const SHA1: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05";
