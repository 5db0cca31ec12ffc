// The broker aedes on a free port of 127.0.0.1, in memory only; stderr says what tests wait for.
// NODE_PATH is where ./check installed it.
'use strict'

const aedes = require('aedes')()
const server = require('net').createServer(aedes.handle)

aedes.on('subscribe', (_, client) => console.error(`subscribed: ${client.id}`))
for (const event of ['clientError', 'connectionError']) {
  aedes.on(event, (client, error) => console.error(`${event}: ${client.id}: ${error.message}`))
}
server.listen(0, '127.0.0.1', () => console.error(`aedes on 127.0.0.1:${server.address().port}`))
