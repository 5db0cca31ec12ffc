//! Devices to try things with, one of each cloud and one that is to register itself. `examples/` uses them.

use super::Cloud;
use super::devices::{Device, Product};

/// Products and devices of all clouds. Their secrets are no secrets: they stand in the examples.
pub fn samples() -> (Vec<Product>, Vec<Device>) {
    let product = |cloud, key: &str, secret: &str, open, certificates| Product {
        cloud,
        key: key.into(),
        secret: secret.into(),
        open,
        certificates,
    };
    let device = |cloud, product: &str, name: &str, secret: &str, account: &str| Device {
        cloud,
        product: product.into(),
        name: name.into(),
        secret: secret.into(),
        account: account.into(),
        allowed: true,
    };
    let products = vec![
        product(Cloud::Alibaba, "a1labProduct", "labProductSecret", true, false),
        product(Cloud::Tencent, "LABPRODUCT", "labProductSecret0123456", true, false),
        product(Cloud::Tencent, "LABCERTIFI", "labProductSecret0123456", true, true),
        product(Cloud::OneNet, "labOneNet1", "bGFiIHByb2R1Y3QgYWNjZXNzIGtleQ==", false, false),
        product(Cloud::Unicom, "cu00labproduct00", "0123456789abcdef0123456789abcdef", true, false),
    ];
    let devices = vec![
        device(Cloud::Alibaba, "a1labProduct", "meter", "00112233445566778899aabbccddeeff", ""),
        device(Cloud::Alibaba, "a1labProduct", "newcomer", "", ""),
        device(Cloud::Tencent, "LABPRODUCT", "meter", "bGFiIGRldmljZSBrZXkgMQ==", ""),
        device(Cloud::Huawei, "", "0123456789abcdef01234567_meter", "00112233445566778899aabbccddeeff", ""),
        device(Cloud::Tuya, "labproduct000000", "tuya0123456789abcdef", "labAuthKey0123456789abcdefABCDEF", ""),
        device(Cloud::OneNet, "labOneNet1", "meter", "bGFiIGRldmljZSBhY2Nlc3Mga2V5", ""),
        device(Cloud::Baidu, "labcore", "meter", "labDeviceSecret1", ""),
        device(Cloud::Aep, "10001000", "meter01", "labAepToken-0123456789", "lab"),
        device(Cloud::Unicom, "cu00labproduct00", "meter", "00112233445566778899aabbccddeeff", ""),
        device(Cloud::Unicom, "cu00labproduct00", "newcomer", "", ""),
    ];
    (products, devices)
}
