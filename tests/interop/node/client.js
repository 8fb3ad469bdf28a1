// A Larder client in Node.js, from the .proto files alone. usage: client.js ADDRESS PROTO_FOLDER [CA_FILE]
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, protoFolder, caFile] = process.argv.slice(2);
const definition = loader.loadSync('larder/v1/cache.proto', {
  includeDirs: [protoFolder], keepCase: true, longs: String, enums: String, oneofs: true,
  defaults: true,
});
const { Cache } = grpc.loadPackageDefinition(definition).larder.v1;
const credentials = caFile
  ? grpc.credentials.createSsl(fs.readFileSync(caFile)) : grpc.credentials.createInsecure();
const client = new Cache(address, credentials);
const gzipClient = new Cache(address, credentials, {
  'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
});

function call(method, request, options = { deadline: Date.now() + 20000 }, stub = client) {
  return new Promise((resolve, reject) => {
    stub[method](request, options, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

const BINARY = Buffer.from([...Array(256).keys()]);

// The code that a stream ends with.
function endOf(stream) {
  return new Promise((resolve) => stream.on('error', (error) => resolve(error.code))
    .on('end', () => resolve(grpc.status.OK)).resume());
}

// Writes and reads the largest value that a node takes by default.
async function largeValue(stub) {
  const key = Buffer.from('node-large');
  const value = Buffer.alloc(4032 << 10);
  const soon = () => ({ deadline: Date.now() + 20000 });
  await call('Set', { key, value }, soon(), stub);
  assert.ok((await call('Get', { key }, soon(), stub)).value.equals(value));
  await call('Delete', { key }, soon(), stub);
}

const tests = {
  async binaryValues() {
    const key = Buffer.concat([Buffer.from('node-'), BINARY]);
    await call('Set', { key, value: BINARY, flags: 9 });
    const answer = await call('Get', { key });
    assert.ok(answer.found);
    assert.deepStrictEqual(answer.value, BINARY);
    assert.strictEqual(answer.flags, 9);
  },

  async miss() {
    assert.strictEqual((await call('Get', { key: Buffer.from('node-none') })).found, false);
  },

  async compareAndSet() {
    const key = Buffer.from('node-cas');
    const { version } = (await call('Set', { key, value: Buffer.from('1') })).stored;
    assert.ok((await call('Set', { key, value: Buffer.from('2'), if_version: version })).stored);
    const late = await call('Set', { key, value: Buffer.from('3'), if_version: version });
    assert.strictEqual(late.not_stored.reason, 'NOT_STORED_REASON_VERSION_MISMATCH');
  },

  async lease() {
    const key = Buffer.from('node-lease');
    const { granted } = await call('Lease', { key });
    assert.strictEqual(granted.token.length, 16);
    assert.ok((await call('Lease', { key })).held);
    assert.ok((await call('Set', { key, value: BINARY, lease_token: granted.token })).stored);
    assert.deepStrictEqual((await call('Lease', { key })).hit.value.value, BINARY);
  },

  async pipeline() {
    const stream = client.Pipeline({ deadline: Date.now() + 20000 });
    const answers = new Map();
    stream.on('data', (answer) => answers.set(answer.id, answer));
    const ended = new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
    for (let id = 1; id <= 100; id += 1) {
      stream.write({ id, set: { key: Buffer.from(`node-p${id}`), value: BINARY } });
    }
    stream.write({ id: 101, get: { key: Buffer.alloc(0) } });
    stream.end();
    await ended;
    assert.strictEqual(answers.size, 101);
    assert.ok(answers.get('100').set.stored);
    assert.strictEqual(answers.get('101').error.code, grpc.status.INVALID_ARGUMENT);
  },

  async errorHasCodeAndMessage() {
    await assert.rejects(call('Get', { key: Buffer.alloc(0) }), (error) => {
      assert.strictEqual(error.code, grpc.status.INVALID_ARGUMENT);
      assert.match(error.details, /key/);
      return true;
    });
  },

  async deadline() {
    await assert.rejects(call('Get', { key: BINARY }, { deadline: Date.now() - 1 }), (error) => {
      assert.strictEqual(error.code, grpc.status.DEADLINE_EXCEEDED);
      return true;
    });
    const stream = client.Pipeline({ deadline: Date.now() + 100 });
    assert.strictEqual(await endOf(stream), grpc.status.DEADLINE_EXCEEDED);
    await tests.miss();
  },

  async cancellation() {
    const stream = client.Pipeline({ deadline: Date.now() + 20000 });
    const ended = endOf(stream);
    stream.write({ id: 1, get: { key: BINARY } });
    await new Promise((resolve) => stream.once('data', resolve));
    stream.cancel();
    assert.strictEqual(await ended, grpc.status.CANCELLED);
    await tests.miss();
  },

  async largeMessage() {
    await largeValue(client);
  },

  async gzip() {
    await largeValue(gzipClient);
  },
};

async function main() {
  for (const [name, test] of Object.entries(tests)) {
    await test();
    console.log(`ok ${name}`);
  }
  client.close();
  gzipClient.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
