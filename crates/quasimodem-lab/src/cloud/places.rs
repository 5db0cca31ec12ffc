//! Where clouds are: names and ports of the real ones, for which stand-ins are to be found.

use super::Cloud;
use super::devices::Registry;
use super::http::Api;

/// One port of a cloud.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Whose.
    pub cloud: Cloud,
    /// What answers there.
    pub service: Service,
    /// What goes beneath it.
    pub security: Security,
    /// Names and ports of the real cloud.
    pub at: Vec<(Box<str>, u16)>,
}

/// What answers at a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Service {
    /// The broker of the cloud.
    Mqtt,
    /// One of its endpoints.
    Http(Api),
}

/// Whether TLS goes beneath a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Security {
    /// No.
    Plain,
    /// Yes.
    Tls,
    /// As the client begins.
    Either,
    /// Yes, and the client shows a certificate.
    Mutual,
}

/// The places of a cloud. Some names are made of products, so that they depend on what is registered.
pub fn places(cloud: Cloud, registry: &Registry) -> Vec<Place> {
    let mut of_products = Vec::new();
    for product in registry.products().iter().filter(|product| product.cloud == cloud) {
        of_products.push(product.key.clone());
    }
    for device in registry.devices().iter().filter(|device| device.cloud == cloud) {
        if !of_products.contains(&device.product) {
            of_products.push(device.product.clone());
        }
    }
    let of_products = |suffix: &str| -> Vec<String> {
        of_products.iter().map(|product| format!("{product}.{suffix}").to_ascii_lowercase()).collect()
    };
    let place = |service, security, names: &[String], port: &[u16]| {
        let at = names.iter().flat_map(|name| port.iter().map(|port| (name.as_str().into(), *port))).collect();
        Place { cloud, service, security, at }
    };
    let mqtt = |security, names: &[String], ports: &[u16]| place(Service::Mqtt, security, names, ports);
    let usual = |names: &[String]| vec![mqtt(Security::Plain, names, &[1883]), mqtt(Security::Tls, names, &[8883])];
    match cloud {
        Cloud::Alibaba => {
            let mut names = of_products("iot-as-mqtt.cn-shanghai.aliyuncs.com");
            names.push("iot-as-mqtt.cn-shanghai.aliyuncs.com".into());
            vec![mqtt(Security::Either, &names, &[1883]), mqtt(Security::Tls, &names, &[443, 8883])]
        }
        Cloud::Tencent => {
            let names = ["ap-guangzhou.gateway.tencentdevices.com", "gateway.tencentdevices.com"].map(String::from);
            let mut places = usual(&of_products("iotcloud.tencentdevices.com"));
            places.push(place(Service::Http(Api::Tencent), Security::Plain, &names, &[80]));
            places.push(place(Service::Http(Api::Tencent), Security::Tls, &names, &[443]));
            places
        }
        Cloud::Huawei => usual(&["iot-mqtts.cn-north-4.myhuaweicloud.com".into()]),
        Cloud::Tuya => {
            let brokers: Vec<String> = REGIONS.iter().map(|region| region.broker.into()).collect();
            let endpoints = REGIONS.iter().map(|region| region.endpoint.into());
            let endpoints: Vec<String> = [String::from("h2.iot-dns.com")].into_iter().chain(endpoints).collect();
            vec![
                mqtt(Security::Tls, &brokers, &[8883]),
                place(Service::Http(Api::Tuya), Security::Tls, &endpoints, &[443]),
            ]
        }
        Cloud::OneNet => vec![
            mqtt(Security::Plain, &["mqtts.heclouds.com".into(), "183.230.40.96".into()], &[1883]),
            mqtt(Security::Tls, &["mqtts.heclouds.com".into(), "mqttstls.heclouds.com".into()], &[8883]),
        ],
        Cloud::Baidu => {
            let names = of_products("iot.gz.baidubce.com");
            vec![mqtt(Security::Plain, &names, &[1883]), mqtt(Security::Tls, &names, &[1884])]
        }
        Cloud::Amazon => vec![mqtt(Security::Mutual, &["lab-ats.iot.us-east-1.amazonaws.com".into()], &[8883])],
        Cloud::Aep => usual(&["mqtt.ctwing.cn".into()]),
        Cloud::Unicom => usual(&["dmp-mqtt.cuiot.cn".into()]),
    }
}

/// A part of Tuya's world.
pub(super) struct Region {
    /// As in the token of a user.
    pub(super) name: &'static str,
    pub(super) broker: &'static str,
    pub(super) endpoint: &'static str,
}

pub(super) const REGIONS: [Region; 5] = [
    Region { name: "AY", broker: "m2.tuyacn.com", endpoint: "a2.tuyacn.com" },
    Region { name: "AZ", broker: "m2.tuyaus.com", endpoint: "a2.tuyaus.com" },
    Region { name: "EU", broker: "m2.tuyaeu.com", endpoint: "a2.tuyaeu.com" },
    Region { name: "IN", broker: "m2.tuyain.com", endpoint: "a2.tuyain.com" },
    Region { name: "UE", broker: "m2-ueaz.tuyaus.com", endpoint: "a2-ueaz.tuyaus.com" },
];
