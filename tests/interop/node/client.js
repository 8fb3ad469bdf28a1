// A Larder client in Node.js, from the .proto files alone. usage: client.js --proto=FOLDER
// [--ca=FILE [--cert=FILE --key=FILE]] [--only=TEST] ADDRESS
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const { parseArgs } = require('node:util');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const string = { type: 'string' };
const { values: flags, positionals: [address] } = parseArgs({
  allowPositionals: true,
  options: { proto: string, ca: string, cert: string, key: string, only: string },
});
const definition = loader.loadSync('larder/v1/cache.proto', {
  includeDirs: [flags.proto], keepCase: true, longs: String, enums: String, oneofs: true,
  defaults: true,
});
const { Cache } = grpc.loadPackageDefinition(definition).larder.v1;
const read = (path) => (path ? fs.readFileSync(path) : null);
const credentials = flags.ca
  ? grpc.credentials.createSsl(read(flags.ca), read(flags.key), read(flags.cert))
  : grpc.credentials.createInsecure();
const client = new Cache(address, credentials);
const gzipClient = new Cache(address, credentials, {
  'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
});

function call(method, request, { deadline = Date.now() + 20000, stub = client } = {}) {
  return new Promise((resolve, reject) => {
    stub[method](request, { deadline }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

const BINARY = Buffer.from([...Array(256).keys()]);
// The largest value that a node takes by default.
const LARGE = Buffer.alloc(4032 << 10, BINARY.subarray(0, 251));

// The code that a stream ends with.
function endOf(stream) {
  return new Promise((resolve) => stream.on('error', (error) => resolve(error.code))
    .on('end', () => resolve(grpc.status.OK)).resume());
}

// Writes and reads it.
async function largeValue(stub) {
  const key = Buffer.from('node-large');
  await call('Set', { key, value: LARGE }, { stub });
  assert.ok((await call('Get', { key }, { stub })).value.equals(LARGE));
  await call('Delete', { key }, { stub });
}

// The answers of a Pipeline by their ids, which are strings.
async function exchange(stub, requests) {
  const stream = stub.Pipeline({ deadline: Date.now() + 20000 });
  const answers = new Map();
  stream.on('data', (answer) => answers.set(answer.id, answer));
  const ended = new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
  requests.forEach((request, index) => stream.write({ id: index + 1, ...request }));
  stream.end();
  await ended;
  return answers;
}

async function miss() {
  assert.strictEqual((await call('Get', { key: Buffer.from('node-none') })).found, false);
}

const tests = {
  async unary() {
    const key = Buffer.concat([Buffer.from('node-'), BINARY]);
    await call('Set', { key, value: BINARY, flags: 9 });
    const answer = await call('Get', { key });
    assert.ok(answer.found);
    assert.deepStrictEqual(answer.value, BINARY);
    assert.strictEqual(answer.flags, 9);
    await miss();
  },

  async 'compare and set'() {
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

  async streaming() {
    const requests = Array.from({ length: 100 }, (_, n) => (
      { set: { key: Buffer.from(`node-p${n}`), value: BINARY } }));
    const answers = await exchange(client, [...requests, { get: { key: Buffer.alloc(0) } }]);
    assert.strictEqual(answers.size, 101);
    for (let id = 1; id <= 100; id += 1) assert.ok(answers.get(String(id)).set.stored);
    assert.strictEqual(answers.get('101').error.code, grpc.status.INVALID_ARGUMENT);
  },

  async deadline() {
    await assert.rejects(call('Get', { key: BINARY }, { deadline: Date.now() - 1 }), (error) => {
      assert.strictEqual(error.code, grpc.status.DEADLINE_EXCEEDED);
      return true;
    });
    const stream = client.Pipeline({ deadline: Date.now() + 100 });
    assert.strictEqual(await endOf(stream), grpc.status.DEADLINE_EXCEEDED);
    await miss();
  },

  async cancellation() {
    const stream = client.Pipeline({ deadline: Date.now() + 20000 });
    const ended = endOf(stream);
    stream.write({ id: 1, get: { key: BINARY } });
    await new Promise((resolve) => stream.once('data', resolve));
    stream.cancel();
    assert.strictEqual(await ended, grpc.status.CANCELLED);
    await miss();
  },

  async 'large message'() {
    await largeValue(client);
  },

  async gzip() {
    await largeValue(gzipClient);
    const key = Buffer.from('node-gzip');
    const answers = await exchange(gzipClient, [
      { set: { key, value: LARGE } }, { set: { key, value: BINARY } }]);
    assert.ok(answers.get('1').set.stored);
    assert.ok(answers.get('2').set.stored);
  },

  // The node runs with little memory and --eviction=none, so a few large values fill it.
  async 'error details'() {
    const fill = async () => {
      for (let n = 0; n < 40; n += 1) {
        await call('Set', { key: Buffer.from(`node-f${n}`), value: LARGE.subarray(0, 1 << 20) });
      }
    };
    await assert.rejects(fill(), (error) => {
      assert.strictEqual(error.code, grpc.status.RESOURCE_EXHAUSTED);
      assert.match(error.details, /--memory/);
      const [details] = error.metadata.get('grpc-status-details-bin');
      assert.ok(details.includes('type.googleapis.com/google.rpc.RetryInfo'));
      return true;
    });
  },
};

async function main() {
  for (const [name, test] of Object.entries(tests)) {
    if (flags.only && flags.only !== name) continue;
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
