import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { objectKey } from '../../storage/blobs/driver.ts';
import { createS3Driver } from '../../storage/blobs/s3/s3-driver.ts';
import { watchedRequests } from '../../src/assembly/observability/watched-stores.ts';
import { startJobs } from '../../src/jobs.ts';
import { type Log, createLogOn } from '../../src/observability/log.ts';
import { createPropagation } from '../../src/telemetry/propagation.ts';
import { type SdkOptions, openSdk } from '../../src/telemetry/sdk/open-sdk.ts';
import { readTraceParent } from '../../src/telemetry/trace-parent.ts';
import type { TestBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { startMirror } from '../support/mirror.ts';
import { digestOf } from '../support/images.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { until } from '../support/until.ts';

type Line = Readonly<Record<string, unknown>>;

let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());

const traceOf = (digit: string) => digit.repeat(32);
const parentSpan = 'b'.repeat(16);
const traceparent = (digit: string, flags = '01') => `00-${traceOf(digit)}-${parentSpan}-${flags}`;

/** A log whose lines are kept. */
function keepingLog(): { readonly log: Log; readonly lines: readonly Line[] } {
  const lines: Line[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Line);
  return { log: createLogOn({ write }, { level: 'info', hasTraces: true }), lines };
}

/** Starts a mirror of the upstream with these variables. */
async function start(settings: Readonly<Record<string, string>>, log = keepingLog().log): Promise<TestBerth> {
  return startMirror({ upstreams: { 'docker.io': { url: upstream.url } } }, settings, log);
}

/** Pulls an image with one blob through the mirror, and resolves when the log has the lines of both requests. */
async function pull(berth: TestBerth, headers: Readonly<Record<string, string>>, lines: readonly Line[]): Promise<string> {
  const repository = `team/app${randomBytes(4).toString('hex')}`;
  const { layer } = upstream.addImage(repository, '1', 1000);
  const at = `/v2/docker.io/${repository}`;
  expect((await call(berth, 'GET', `${at}/manifests/1`, { headers })).status).toBe(200);
  expect((await call(berth, 'GET', `${at}/blobs/${digestOf(layer)}`, { headers })).body.equals(layer)).toBe(true);
  // The download ends after its last byte is sent.
  const isStored = async () => {
    const head = await call(berth, 'HEAD', `${at}/blobs/${digestOf(layer)}`, { headers });
    return head.header('x-mirror-cache') === 'HIT';
  };
  await until(isStored);
  await until(() => lines.filter(({ url, method }) => method === 'GET' && String(url).startsWith(at)).length === 2);
  return repository;
}

const requestsFor = (repository: string) => upstream.requests.filter(({ url }) => url.includes(repository));

describe('with telemetry.traces and telemetry.logs: export', () => {
  let receiver: OtlpReceiver;
  let lines: readonly Line[];
  let [sampled, unsampled] = ['', ''];
  const server = 2;
  const spansOf = (digit: string) => receiver.spans.filter(({ traceId }) => traceId === traceOf(digit));

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    const kept = keepingLog();
    ({ lines } = kept);
    const settings = {
      BERTH_TELEMETRY_TRACES: 'export',
      BERTH_TELEMETRY_LOGS: 'export',
      BERTH_TELEMETRY_ENDPOINT: receiver.url,
    };
    const berth = await start(settings, kept.log);
    sampled = await pull(berth, { traceparent: traceparent('a'), tracestate: 'vendor=1' }, lines);
    unsampled = await pull(berth, { traceparent: traceparent('c', '00') }, lines);
    await call(berth, 'GET', '/v2/docker.io/none/manifests/1?secret=x', { headers: { traceparent: traceparent('d') } });
    await call(berth, 'GET', '/healthz', { headers: { traceparent: traceparent('e') } });
    await until(() => lines.some(({ url }) => String(url).includes('/none/')));
    await berth.close();
    await until(
      () =>
        spansOf('d').some(({ kind }) => kind === server) &&
        receiver.logs.some(({ attributes }) => String(attributes['url']).includes('/none/')),
    );
  });
  afterAll(() => receiver.close());

  test('a pull through the mirror is one trace, from the client through berth to the upstream', () => {
    const spans = spansOf('a');
    const requests = spans.filter(({ kind, name }) => kind === server && name.startsWith('GET'));
    expect(requests.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([
      ['GET /v2/<name>/manifests/<reference>', parentSpan],
      ['GET /v2/<name>/blobs/<digest>', parentSpan],
    ]);
    const parentOf = (span: ReceivedSpan | undefined) => spans.find(({ spanId }) => spanId === span?.parentSpanId);
    const toUpstream = (part: string) =>
      spans.find(({ kind, attributes }) => kind === 3 && String(attributes['url.path']).includes(part));
    expect(parentOf(toUpstream('/manifests/'))?.name).toBe('GET /v2/<name>/manifests/<reference>');
    const fill = parentOf(toUpstream('/blobs/'));
    expect([fill?.name, fill?.attributes]).toEqual(['fill', expect.objectContaining({ 'berth.outcome': 'done' })]);
    expect(parentOf(fill)?.name).toBe('GET /v2/<name>/blobs/<digest>');
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['metadata write', 'blobs put']));
  });

  test('each request to the upstream carries the trace, with its own span as the parent', () => {
    const seen = requestsFor(sampled);
    expect(seen.length).toBeGreaterThanOrEqual(2);
    const clientSpans = new Set(
      spansOf('a')
        .filter(({ kind }) => kind === 3)
        .map(({ spanId }) => spanId),
    );
    for (const { headers } of seen) {
      const parent = readTraceParent(headers);
      expect([parent?.traceId, parent?.isSampled, headers['tracestate']]).toEqual([traceOf('a'), true, 'vendor=1']);
      expect(clientSpans.has(parent?.spanId ?? '')).toBe(true);
    }
  });

  test('a trace that the client does not sample is passed on as such, and not sent', () => {
    const seen = requestsFor(unsampled).map(({ headers }) => readTraceParent(headers));
    expect(seen.length).toBeGreaterThanOrEqual(2);
    for (const parent of seen) expect(parent).toMatchObject({ traceId: traceOf('c'), isSampled: false });
    expect(spansOf('c')).toEqual([]);
  });

  test('the span of a request has the attributes of the conventions for HTTP, without the query', () => {
    const [request] = spansOf('d').filter(({ kind }) => kind === server);
    expect(request?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': '/v2/<name>/manifests/<reference>',
      'http.response.status_code': 404,
      'url.path': '/v2/docker.io/none/manifests/1',
      'url.scheme': 'http',
      'client.address': '127.0.0.1',
    });
    expect(request?.status.code ?? 0).toBe(0);
    expect(JSON.stringify(receiver.spans)).not.toContain('secret=x');
    expect(receiver.resource).toMatchObject({ 'service.name': 'berth', 'service.version': expect.any(String) });
  });

  test('health probes have no spans', () => {
    expect(spansOf('e')).toEqual([]);
  });

  test('lines of the log name their trace and span, and are exported with them', () => {
    const line = lines.find(({ url }) => String(url).includes(`${sampled}/manifests`));
    const span = spansOf('a').find(({ name }) => name.includes('manifests'));
    expect(line).toMatchObject({ trace_id: traceOf('a'), span_id: span?.spanId });
    const log = receiver.logs.find(({ attributes }) => attributes['requestId'] === line?.['requestId']);
    expect(log).toMatchObject({ severityText: 'info', traceId: traceOf('a'), spanId: span?.spanId });
    expect(log?.body.stringValue).toBe('request');
    expect(log?.attributes).toMatchObject({ status: 200, url: expect.stringContaining(sampled) });
  });
});

test('with telemetry.traces: propagate the trace of the client is passed on as it is, and named in the log', async () => {
  const { log, lines } = keepingLog();
  const berth = await start({ BERTH_TELEMETRY_TRACES: 'propagate' }, log);
  const repository = await pull(berth, { traceparent: traceparent('f') }, lines);
  const without = await pull(berth, {}, lines);
  await berth.close();
  expect(new Set(requestsFor(repository).map(({ headers }) => headers['traceparent']))).toEqual(new Set([traceparent('f')]));
  expect(requestsFor(without).filter(({ headers }) => 'traceparent' in headers)).toEqual([]);
  expect(lines.find(({ url }) => String(url).includes(repository))).toMatchObject({ trace_id: traceOf('f') });
});

test('without telemetry no trace is passed on, and no line names one', async () => {
  const { log, lines } = keepingLog();
  const berth = await start({}, log);
  const repository = await pull(berth, { traceparent: traceparent('f') }, lines);
  await berth.close();
  expect(requestsFor(repository).filter(({ headers }) => 'traceparent' in headers)).toEqual([]);
  expect(lines.filter((line) => 'trace_id' in line)).toEqual([]);
});

test('a receiver that is down disturbs no request, and the log says so once', async () => {
  const { log, lines } = keepingLog();
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const settings = { BERTH_TELEMETRY_TRACES: 'export', BERTH_TELEMETRY_LOGS: 'export', BERTH_TELEMETRY_ENDPOINT: endpoint };
  // The SDK reads it. It is shorter than the pause before a second try.
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '100';
  const berth = await start(settings, log);
  delete process.env['OTEL_EXPORTER_OTLP_TIMEOUT'];
  await pull(berth, { traceparent: traceparent('1') }, lines);
  await berth.close();
  const reports = () => lines.filter(({ msg }) => msg === 'telemetry could not be sent');
  await until(() => reports().length > 0);
  expect(reports()).toEqual([expect.objectContaining({ level: 'warn', reason: expect.any(String) })]);
});

test('a shutdown does not wait for a receiver that does not answer', async () => {
  const receiver = await startOtlpReceiver();
  receiver.hang();
  const { log, lines } = keepingLog();
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '20000';
  const berth = await start({ BERTH_TELEMETRY_TRACES: 'export', BERTH_TELEMETRY_ENDPOINT: receiver.url }, log);
  delete process.env['OTEL_EXPORTER_OTLP_TIMEOUT'];
  await pull(berth, { traceparent: traceparent('2') }, lines);
  await berth.close();
  // The exporter itself would wait for 20 seconds, and then end its request.
  await until(() => receiver.spans.length > 0);
  expect(receiver.waiting).toBeGreaterThan(0);
  receiver.answer();
  await receiver.close();
});

test.each([
  ['parentbased_always_on', '01', 1],
  ['parentbased_always_on', '00', 0],
  ['always_off', '01', 0],
  ['always_on', '00', 1],
  ['traceidratio', '01', 0],
])('the sampler %s decides about a trace with the flags %s', async (sampler, flags, expected) => {
  const receiver = await startOtlpReceiver();
  const sdk = openSdk(optionsFor(receiver, { sampler, ratio: 0 }));
  sdk.tracer?.beginRequest({ traceparent: traceparent('3', flags) }, { name: 'GET', kind: 'server' })?.end();
  await sdk.close();
  expect(receiver.spans.length).toBe(expected);
  await receiver.close();
});

test('OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG are the defaults of the sampler', () => {
  const conventional = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' };
  expect(loadConfig({ environment: conventional }).telemetry).toMatchObject({ sampler: 'traceidratio', samplerRatio: 0.25 });
  const own = { ...conventional, BERTH_TELEMETRY_SAMPLER: 'always_off' };
  expect(loadConfig({ environment: own }).telemetry.sampler).toBe('always_off');
  const wrong = { BERTH_TELEMETRY_TRACES: 'export', OTEL_TRACES_SAMPLER_ARG: '2' };
  expect(() => loadConfig({ environment: wrong })).toThrow('must be a number from 0 to 1');
});

test('a sampler of OpenTelemetry that berth does not have stops the start only if traces are exported', async () => {
  const foreign = {
    OTEL_TRACES_SAMPLER: 'parentbased_jaeger_remote',
    OTEL_TRACES_SAMPLER_ARG: 'endpoint=http://localhost:14250',
  };
  expect(loadConfig({ environment: foreign }).telemetry).toMatchObject({ sampler: 'parentbased_always_on', samplerRatio: 1 });
  const off = { ...foreign, BERTH_TELEMETRY_TRACES: 'propagate' };
  expect(loadConfig({ environment: off }).telemetry.traces).toBe('propagate');
  const exported = { ...foreign, BERTH_TELEMETRY_TRACES: 'export' };
  expect(() => loadConfig({ environment: exported })).toThrow(/telemetry.sampler .* in OTEL_TRACES_SAMPLER/);
  expect(() => loadConfig({ environment: { BERTH_TELEMETRY_SAMPLER: 'jaeger_remote' } })).toThrow('BERTH_TELEMETRY_SAMPLER');
  const directory = await mkdtemp(join(tmpdir(), 'berth-sampler-'));
  const file = join(directory, 'berth.yaml');
  await writeFile(file, 'telemetry: { traces: export }');
  expect(() => loadConfig({ file, environment: foreign })).toThrow('OTEL_TRACES_SAMPLER');
  await rm(directory, { recursive: true });
});

test('a run of a job leaves a span if it has failed or sent requests, and none if it found nothing to do', async () => {
  const receiver = await startOtlpReceiver();
  const { tracer, close } = openSdk(optionsFor(receiver));
  const runs: string[] = [];
  // No run takes any time, however slow the machine is.
  const clock = jest.spyOn(performance, 'now').mockReturnValue(performance.now());
  const job = (name: string, work: () => void) => ({
    name,
    every: 0.001,
    scope: 'process' as const,
    run: () => {
      runs.push(name);
      work();
      return Promise.resolve();
    },
  });
  const jobs = startJobs(
    [
      job('idle', () => undefined),
      job('sending', () => tracer?.begin({ name: 'GET', kind: 'client' })?.end()),
      job('failing', () => {
        throw new Error('it failed');
      }),
    ],
    {
      leases: undefined,
      log: keepingLog().log,
      tracer,
      now: Date.now,
      metrics: { ran: () => undefined },
      records: { ran: () => undefined },
    },
  );
  await until(() => ['idle', 'sending', 'failing'].every((name) => runs.filter((run) => run === name).length >= 3));
  jobs.stop();
  clock.mockRestore();
  await close();
  const names = new Set(receiver.spans.map(({ name }) => name));
  expect(names).toEqual(new Set(['job sending', 'GET', 'job failing']));
  const [failed] = receiver.spans.filter(({ name }) => name === 'job failing');
  expect([failed?.status.code, failed?.parentSpanId ?? '']).toEqual([2, '']);
  await receiver.close();
});

test('requests to S3 carry the trace outside of their signature', async () => {
  const seen: Readonly<Record<string, unknown>>[] = [];
  const bucket = createServer((request, response) => {
    seen.push(request.headers);
    response.setHeader('Content-Length', 3).end();
  });
  await new Promise<void>((resolve) => bucket.listen(0, '127.0.0.1', resolve));
  const tracer = createPropagation();
  const driver = createS3Driver({
    bucket: 'b',
    region: 'us-east-1',
    forcePathStyle: true,
    endpoint: `http://127.0.0.1:${(bucket.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    watchRequest: watchedRequests({ tracer }),
  });
  const span = tracer.beginRequest({ traceparent: traceparent('4') }, { name: 'GET', kind: 'server' });
  const stat = await span?.run(() => driver.stat(objectKey('ab/data')));
  expect(stat?.sizeBytes).toBe(3);
  // A request outside of traces is sent as always.
  expect((await driver.stat(objectKey('ab/data'))).sizeBytes).toBe(3);
  expect(seen.map((headers) => headers['traceparent'])).toEqual([traceparent('4'), undefined]);
  expect(seen[0]?.['authorization']).toEqual(expect.not.stringContaining('traceparent'));
  await driver.close();
  bucket.closeAllConnections();
  bucket.close();
});

test.each(['', '00-0-1-01', `ff-${traceOf('a')}-${parentSpan}-01`, `00-${traceOf('0')}-${parentSpan}-01`, traceparent('A')])(
  'the traceparent %s is not valid, and a new trace begins',
  (header) => {
    expect(readTraceParent({ traceparent: header })).toBeUndefined();
  },
);

function optionsFor(receiver: OtlpReceiver, own: Partial<SdkOptions> = {}): SdkOptions {
  return {
    traces: true,
    logs: false,
    endpoint: receiver.url,
    resource: {},
    now: Date.now,
    failed: () => undefined,
    sampler: 'parentbased_always_on',
    ratio: 1,
    ...own,
  };
}
