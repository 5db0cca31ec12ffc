//! What the TLS library's errors mean, in words. Its own are the names of its variants.

use std::fmt::Display;
use std::io;

use rustls::{
    CertificateError, ContentType, Error, ExtendedKeyPurpose, HandshakeType, InvalidMessage, PeerIncompatible,
    PeerMisbehaved,
};

use super::names;

/// Why a handshake with a client failed, for the server's log.
pub(crate) fn of_client(error: &io::Error) -> String {
    match library(error) {
        Some(error) => protocol(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "the peer ended the connection in the handshake".into(),
        None if error.kind() == io::ErrorKind::InvalidData => BUFFER_FULL.into(),
        None => error.to_string(),
    }
}

/// The error of the TLS library in one of a connection, if it is that.
pub(super) fn library(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// A failure of the protocol: what the peer did.
pub(super) fn protocol(error: &Error) -> String {
    match error {
        Error::InappropriateMessage { expect_types, got_type } => {
            let due: Vec<_> = expect_types.iter().map(content).collect();
            format!("the peer sent {} where {} was due", content(got_type), due.join(" or "))
        }
        Error::InappropriateHandshakeMessage { expect_types, got_type } => {
            let due: Vec<_> = expect_types.iter().map(handshake).collect();
            format!("the peer sent {} where {} was due", handshake(got_type), due.join(" or "))
        }
        Error::InvalidMessage(invalid) => format!("the peer sent {}", message(*invalid)),
        Error::PeerMisbehaved(how) => format!("the peer {}", misbehaved(how)),
        Error::PeerIncompatible(why) => format!("the peer {}", incompatible(why)),
        Error::AlertReceived(alert) => format!("{}", quasimodem_core::TlsFailure::Alert(u8::from(*alert))),
        Error::InvalidCertificate(error) => format!("the peer's certificate {}", certificate(error)),
        Error::NoCertificatesPresented => "the peer sent no certificate".into(),
        Error::DecryptError => "the peer sent a record that can't be decrypted".into(),
        Error::PeerSentOversizedRecord => "the peer sent a record that is longer than TLS allows".into(),
        Error::NoApplicationProtocol => "there is no protocol name (ALPN) in common".into(),
        Error::UnsupportedNameType => "the server's name is not one that TLS can ask for".into(),
        Error::FailedToGetCurrentTime => "the system's clock can't be read".into(),
        Error::FailedToGetRandomBytes => "the system has no random numbers".into(),
        Error::InconsistentKeys(_) => "certificate and private key do not belong together".into(),
        Error::InvalidEncryptedClientHello(_) => "the settings for an encrypted ClientHello are not valid".into(),
        Error::InvalidCertRevocationList(_) => "the list of revoked certificates is not valid".into(),
        Error::EncryptError => "a record could not be encrypted".into(),
        Error::HandshakeNotComplete => "the handshake is not complete".into(),
        Error::BadMaxFragmentSize => "the length of fragments is not valid".into(),
        Error::General(said) => format!("the TLS library failed: {said}"),
        Error::Other(error) => format!("the TLS library failed: {error}"),
        _ => "the TLS library failed".into(),
    }
}

/// What a certificate is that is not accepted.
pub(super) fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::BadEncoding => "can't be read".into(),
        CertificateError::ExpiredContext { .. } => "is expired".into(),
        // Of one whose dates hold the library says when they do.
        CertificateError::Expired => "ends before it begins".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet".into(),
        CertificateError::Revoked => "is revoked".into(),
        CertificateError::UnhandledCriticalExtension => UNKNOWN_EXTENSION.into(),
        CertificateError::UnknownIssuer => "is not signed by a trusted authority".into(),
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => "may be revoked, which can't be found out".into(),
        CertificateError::BadSignature => "is not signed by the key of its issuer".into(),
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: algorithm, .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: algorithm,
            ..
        } => format!("is signed with {}", names::signature(algorithm)),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name".into()
        }
        CertificateError::InvalidPurpose => "is not for this purpose".into(),
        CertificateError::InvalidPurposeContext { required, presented } => {
            let presented: Vec<_> = presented.iter().map(purpose).collect();
            match presented.as_slice() {
                [] => format!("is not for {}", purpose(required)),
                presented => format!("is for {}, not for {}", presented.join(" and "), purpose(required)),
            }
        }
        CertificateError::InvalidOcspResponse => "came with a response about its revocation that is not valid".into(),
        CertificateError::ApplicationVerificationFailure => "is not accepted".into(),
        CertificateError::Other(error) => match error.0.downcast_ref::<webpki::Error>() {
            Some(error) => x509(error).into(),
            // Ours are in words.
            None => format!("can't be used: {error}"),
        },
        _ => "is signed with an algorithm that is not supported".into(),
    }
}

fn purpose(purpose: &ExtendedKeyPurpose) -> String {
    match purpose {
        ExtendedKeyPurpose::ClientAuth => "clients".into(),
        ExtendedKeyPurpose::ServerAuth => "servers".into(),
        ExtendedKeyPurpose::Other(numbers) => {
            let numbers: Vec<_> = numbers.iter().map(usize::to_string).collect();
            format!("the purpose {}", numbers.join("."))
        }
    }
}

/// What the check of a certificate found, where it has no class of its own.
pub(crate) fn x509(error: &webpki::Error) -> &'static str {
    use webpki::Error as E;
    match error {
        E::BadDer | E::BadDerTime | E::TrailingData(_) => "can't be read",
        E::CaUsedAsEndEntity => "is that of an authority, and not for itself",
        E::CertDistrusted => "has a key that is not trusted any more",
        E::CertExpired { .. } => "is expired",
        E::CertNotValidForName(_) => "is for another name",
        E::CertNotValidYet { .. } => "is not valid yet",
        E::CertRevoked => "is revoked",
        E::EndEntityUsedAsCa => "is signed with a certificate that is not one of an authority",
        E::EmptyEkuExtension | E::ExtensionValueInvalid | E::MalformedExtensions => "has a malformed extension",
        E::InvalidCertValidity => "ends before it begins",
        E::InvalidNetworkMaskConstraint | E::MalformedNameConstraint => {
            "is signed by an authority with malformed limits for names"
        }
        E::InvalidSerialNumber => "has a malformed serial number",
        E::InvalidSignatureForPublicKey => "is not signed by the key of its issuer",
        E::MalformedDnsIdentifier => "has a malformed DNS name",
        E::MaximumNameConstraintComparisonsExceeded => "is signed by an authority with too many limits for names",
        E::MaximumPathBuildCallsExceeded | E::MaximumSignatureChecksExceeded => {
            "came with too many others to find out which of them signed it"
        }
        E::MaximumPathDepthExceeded => "has more than 6 authorities between it and a root, or they go in a circle",
        E::NameConstraintViolation => "has a name that its authority may not sign",
        E::PathLenConstraintViolated => "has more authorities between it and its root than one of them allows",
        E::RequiredEkuNotFoundContext(_) => "is not for this purpose",
        E::SignatureAlgorithmMismatch => "names two signature algorithms that differ",
        E::UnknownIssuer => "is not signed by a trusted authority",
        E::UnsupportedCertVersion => "is X.509 v1, and only v3 can be checked",
        E::UnsupportedCriticalExtension => UNKNOWN_EXTENSION,
        E::UnsupportedNameType => "has a name of a kind that is not supported",
        E::UnsupportedSignatureAlgorithmContext(_) | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "is signed with an algorithm that is not supported"
        }
        E::UnknownRevocationStatus | E::CrlExpired { .. } => "may be revoked, which can't be found out",
        // All that is left is of lists of revoked certificates, which are not in use.
        _ => "can't be checked",
    }
}

/// A message or record that can't be read.
fn message(invalid: InvalidMessage) -> String {
    use InvalidMessage as M;
    let plain = match invalid {
        M::CertificatePayloadTooLarge => "certificates of more than 64 KiB",
        M::HandshakePayloadTooLarge => "a handshake message of more than 64 KiB",
        M::InvalidCcs => "a malformed ChangeCipherSpec",
        M::InvalidContentType => "something that is not TLS",
        M::InvalidCertificateStatusType => "a certificate status of an unknown type",
        M::InvalidCertRequest => "a malformed request for a client certificate",
        M::InvalidDhParams => "Diffie-Hellman parameters that are not valid",
        M::InvalidEmptyPayload => "an empty record where none is allowed",
        M::InvalidKeyUpdate => "a malformed request for new keys",
        M::InvalidServerName => "a malformed server name",
        M::MessageTooLarge => "a record that is longer than TLS allows",
        M::MessageTooShort | M::MissingData(_) => "a message that is too short",
        M::MissingKeyExchange => "no key exchange",
        M::NoSignatureSchemes => "no signature algorithms",
        M::TrailingData(_) => "a message with something after its end",
        M::UnexpectedMessage(_) => "a message of an unknown kind",
        M::UnknownProtocolVersion => "a record of an unknown version",
        M::UnsupportedCompression => "a compression that is not supported",
        M::UnsupportedCurveType => "an elliptic curve of a kind that is not supported",
        M::UnsupportedKeyExchangeAlgorithm(_) => "a key exchange that is not supported",
        M::EmptyTicketValue => "an empty session ticket",
        M::IllegalEmptyList(_) => "an empty list where none is allowed",
        M::IllegalEmptyValue => "an empty value where none is allowed",
        M::DuplicateExtension(number) => return format!("extension {number} twice"),
        M::PreSharedKeyIsNotFinalExtension => "a pre-shared key that is not the last extension",
        M::UnknownHelloRetryRequestExtension => "an unknown extension in HelloRetryRequest",
        M::UnknownCertificateExtension => "an unknown extension with its certificate",
        _ => "a malformed message",
    };
    plain.into()
}

/// What a peer did that breaks a rule.
fn misbehaved(how: &PeerMisbehaved) -> &'static str {
    use PeerMisbehaved as P;
    match how {
        P::AttemptedDowngradeToTls12WhenTls13IsSupported => {
            "has TLS 1.3 and chose 1.2: somebody in between changed the handshake"
        }
        P::BadCertChainExtensions | P::UnsolicitedCertExtension => "sent an extension with its certificate unasked",
        P::CipherSuiteDifferedOnRetry | P::SelectedDifferentCipherSuiteAfterRetry => {
            "chose another cipher suite after HelloRetryRequest"
        }
        P::DisallowedEncryptedExtension | P::UnexpectedCleartextExtension => {
            "sent an extension where it is not allowed"
        }
        P::DuplicateClientHelloExtensions
        | P::DuplicateEncryptedExtensions
        | P::DuplicateHelloRetryRequestExtensions
        | P::DuplicateNewSessionTicketExtensions
        | P::DuplicateServerHelloExtensions => "sent an extension twice",
        P::DuplicateServerNameTypes | P::ServerNameMustContainOneHostName => "sent more than one server name",
        P::EarlyDataAttemptedInSecondClientHello
        | P::EarlyDataExtensionWithoutResumption
        | P::EarlyDataOfferedWithVariedCipherSuite
        | P::InvalidMaxEarlyDataSize
        | P::OfferedEarlyDataWithOldProtocolVersion
        | P::RejectedEarlyDataInterleavedWithHandshakeMessage
        | P::TooMuchEarlyDataReceived => "made a mistake with early data",
        P::EchAcceptanceVariedAfterRetry | P::IllegalHelloRetryRequestWithInvalidEch | P::UnsolicitedEchExtension => {
            "made a mistake with an encrypted ClientHello"
        }
        P::HandshakeHashVariedAfterRetry => "chose another hash after HelloRetryRequest",
        P::IllegalHelloRetryRequestWithEmptyCookie
        | P::IllegalHelloRetryRequestWithNoChanges
        | P::IllegalHelloRetryRequestWithOfferedGroup
        | P::IllegalHelloRetryRequestWithUnofferedCipherSuite
        | P::IllegalHelloRetryRequestWithUnofferedNamedGroup
        | P::IllegalHelloRetryRequestWithUnsupportedVersion
        | P::IllegalHelloRetryRequestWithWrongSessionId => "sent a HelloRetryRequest that is not valid",
        P::IllegalMiddleboxChangeCipherSpec => "sent ChangeCipherSpec where it is not allowed",
        P::IllegalTlsInnerPlaintext => "sent an encrypted record without contents",
        P::IncorrectBinder
        | P::MissingBinderInPskExtension
        | P::MissingPskExtensionInSecondClientHello
        | P::MissingPskModesExtension
        | P::PskExtensionMustBeLast
        | P::PskExtensionWithMismatchedIdsAndBinders
        | P::SelectedInvalidPsk
        | P::SelectedUnofferedPsk => "made a mistake with a pre-shared key",
        P::InvalidCertCompression
        | P::OfferedDuplicateCertificateCompressions
        | P::OfferedIncorrectCompressions
        | P::SelectedUnofferedCertCompression => "made a mistake with the compression of certificates",
        P::InvalidKeyShare | P::MissingKeyShare | P::OfferedDuplicateKeyShares | P::WrongGroupForKeyShare => {
            "sent a key share that is not valid"
        }
        P::KeyEpochWithPendingFragment => "changed keys within a message",
        P::KeyUpdateReceivedInQuicConnection | P::MissingQuicTransportParameters => "made a mistake with QUIC",
        P::MessageInterleavedWithHandshakeMessage => "sent something else within a handshake message",
        P::OfferedEmptyApplicationProtocol => "offered an empty protocol name (ALPN)",
        P::RefusedToFollowHelloRetryRequest => "ignored a HelloRetryRequest",
        P::ResumptionAttemptedWithVariedEms
        | P::ResumptionOfferedWithVariedCipherSuite
        | P::ResumptionOfferedWithVariedEms
        | P::ResumptionOfferedWithIncompatibleCipherSuite => "resumed a session in another way than it began",
        P::SelectedTls12UsingTls13VersionExtension => "chose TLS 1.2 in the way of 1.3",
        P::SelectedUnofferedApplicationProtocol => "chose a protocol name (ALPN) that was not offered",
        P::SelectedUnofferedCipherSuite => "chose a cipher suite that was not offered",
        P::SelectedUnofferedCompression => "chose a compression that was not offered",
        P::SelectedUnofferedKxGroup => "chose a key exchange that was not offered",
        P::SelectedUnusableCipherSuiteForVersion => "chose a cipher suite of another version of TLS",
        P::ServerEchoedCompatibilitySessionId => "repeated a session id that it should not know",
        P::ServerHelloMustOfferUncompressedEcPoints => "offers compressed points of elliptic curves only",
        P::ServerNameDifferedOnRetry => "changed the server name after HelloRetryRequest",
        P::SignedKxWithWrongAlgorithm | P::SignedHandshakeWithUnadvertisedSigScheme => {
            "signed the handshake with an algorithm that was not offered"
        }
        P::TooManyEmptyFragments => "sent one empty record after the other",
        P::TooManyKeyUpdateRequests => "asked for new keys again and again",
        P::TooManyRenegotiationRequests => "asked for renegotiation again and again",
        P::TooManyWarningAlertsReceived => "sent one warning after the other",
        P::UnsolicitedEncryptedExtension | P::UnsolicitedServerHelloExtension => "sent an extension unasked",
        P::UnsolicitedSctList => "sent proofs of certificate transparency unasked",
        _ => "broke a rule of TLS",
    }
}

/// What a peer can't do that is needed.
fn incompatible(why: &PeerIncompatible) -> &'static str {
    use PeerIncompatible as P;
    match why {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled
        | P::Tls13RequiredForQuic => "has no TLS version in common",
        P::NoCipherSuitesInCommon => "has no cipher suite in common",
        P::NoKxGroupsInCommon | P::NamedGroupsExtensionRequired | P::KeyShareExtensionRequired => {
            "has no key exchange in common"
        }
        P::NoSignatureSchemesInCommon
        | P::NoCertificateRequestSignatureSchemesInCommon
        | P::SignatureAlgorithmsExtensionRequired => "has no signature algorithm in common",
        P::EcPointsExtensionRequired | P::NoEcPointFormatsInCommon | P::UncompressedEcPointsRequired => {
            "can't send elliptic curve points uncompressed"
        }
        P::ExtendedMasterSecretExtensionRequired => "lacks the extended master secret (RFC 7627)",
        P::IncorrectCertificateTypeExtension | P::UnsolicitedCertificateTypeExtension => {
            "wants a raw public key in place of a certificate"
        }
        P::NullCompressionRequired => "can't go without compression",
        P::ServerSentHelloRetryRequestWithUnknownExtension => "sent a HelloRetryRequest with an unknown extension",
        P::ServerRejectedEncryptedClientHello(_) => "refused an encrypted ClientHello",
        _ => "can't do what is needed",
    }
}

/// A kind of record (RFC 8446 5.1).
fn content(kind: &ContentType) -> String {
    match kind {
        ContentType::ApplicationData => "data".into(),
        ContentType::Handshake => "a handshake message".into(),
        ContentType::Alert => "an alert".into(),
        kind => named(kind.as_str(), u8::from(*kind), "a record of type"),
    }
}

/// A kind of handshake message (RFC 8446 4).
fn handshake(kind: &HandshakeType) -> String {
    named(kind.as_str(), u8::from(*kind), "a handshake message of type")
}

/// The standard's names are the best there are.
fn named(name: Option<&str>, number: impl Display, kind: &str) -> String {
    name.map_or_else(|| format!("{kind} {number}"), str::to_owned)
}

/// rustls keeps the records that a message comes in until it is whole.
pub(super) const BUFFER_FULL: &str = "the peer sent a handshake message in so many records that they exceed 64 KiB";

const UNKNOWN_EXTENSION: &str = "has a critical extension that is not known";

#[cfg(test)]
mod tests;
