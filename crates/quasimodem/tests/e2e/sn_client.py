"""A client of MQTT-SN that somebody else wrote, told what to do by lines of JSON on stdin: the name of what is to be done,
then its arguments. It answers each line with one on stdout."""

import json
import sys

from mqttsn12.MqttSnConstants import MqttSnConstants
from mqttsn12.client.MqttSnClient import MqttSnClient, MqttSnListener
from mqttsn12.packets import PublishPacket, PubCompPacket, PubRecPacket, PubRelPacket

client = MqttSnClient()
client.set_timeout(15)


def open(port):
    client.open("127.0.0.1", port)


def connect(client_id, clean, duration, will=None):
    client.set_client_id(client_id)
    client.set_clean_session(clean)
    client.set_keep_alive(duration)
    if will:
        client.set_will(*will)
    client.send_connect()
    # It would ping only while it waits.
    client.set_keep_alive(0)


def publish(topic, payload, qos, retain=False):
    if isinstance(topic, int):
        client.send_publish_predefined(topic, payload.encode(), qos, retain)
    elif qos < 0:
        client.send_publish_with_bytes(topic.encode(), payload.encode(), qos, retain)
    else:
        client.send_publish(topic, payload.encode(), qos, retain)


def subscribe(topic, qos):
    if isinstance(topic, int):
        client.send_subscribe_predefined(topic, qos, MqttSnListener())
    else:
        client.send_subscribe(topic, qos, MqttSnListener())


def unsubscribe(topic):
    client.send_unsubscribe(topic)


def receive():
    """The next message. The library's own way waits by sleeping, and does not know QoS 2."""
    packet = PublishPacket()
    packet.decode(client.wait_for(True, MqttSnConstants.TYPE_PUBLISH))
    qos = {0: 0, MqttSnConstants.FLAG_QOS_1: 1, MqttSnConstants.FLAG_QOS_2: 2}[packet.flags & 0x60]
    if qos == 1:
        client.send_puback(packet, MqttSnConstants.ACCEPTED)
    if qos == 2:
        answer(PubRecPacket(), packet)
        client.wait_for(True, MqttSnConstants.TYPE_PUBREL)
        answer(PubCompPacket(), packet)
    topic = packet.topic_id
    if packet.flags & 3 == MqttSnConstants.TOPIC_TYPE_SHORT:
        topic = topic.to_bytes(2, "big").decode()
    elif packet.flags & 3 == MqttSnConstants.TOPIC_TYPE_NORMAL:
        topic = client.topic_map[topic]
    return [topic, qos, bool(packet.flags & MqttSnConstants.FLAG_RETAIN), packet.data.decode()]


def answer(packet, to):
    packet.set_message_id(to.message_id)
    client.send_packet(packet.encode())


def will_topic(topic, qos, retain):
    client.set_will_qos(qos)
    client.set_will_retain(retain)
    client.send_will_topic_update(topic)


def will_message(message):
    client.send_will_message_update(message)


def ping():
    client.send_ping_req()


def wake(client_id):
    """PINGREQ of one who sleeps; `awake` waits for the end of that."""
    # The library's own packet can't be made with an id.
    client.send_packet(bytes([2 + len(client_id), MqttSnConstants.TYPE_PINGREQ]) + client_id.encode())


def awake():
    client.wait_for(True, MqttSnConstants.TYPE_PINGRESP)


def search():
    client.send_search_gateway(1)


def left():
    """The gateway ends the connection."""
    client.wait_for(True, MqttSnConstants.TYPE_DISCONNECT)


def disconnect(duration=0):
    client.send_disconnect(duration)


for line in sys.stdin:
    name, *arguments = json.loads(line)
    try:
        print(json.dumps(["ok", globals()[name](*arguments)]), flush=True)
    except Exception as error:
        print(json.dumps(["failed", str(error)]), flush=True)
