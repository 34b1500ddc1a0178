import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { tar } from '../../test/support/tar.ts';
import { imageOf, pushImage, repeat, send } from '../client.ts';
import { median } from '../report.ts';
import type { Server } from '../server.ts';
import { imageRepository } from './image.ts';
import { views } from './views.ts';

const browsers = 20;
/** A person opens a view and reads it. */
const readingMilliseconds = 2000;

const pullPath = `/v2/${imageRepository}/manifests/1`;

/**
 * Measures pulls alone, and while 20 browsers open views and the index of a new image is built, alternately: the 50th and the
 * 99th percentile of their times.
 */
export async function measurePulls(server: Server, isQuick: boolean): Promise<readonly (readonly string[])[]> {
  const [rounds, seconds] = isQuick ? [1, 1] : [7, 10];
  const alone: Percentiles[] = [];
  const beside: Percentiles[] = [];
  for (let round = 0; round < rounds; round++) {
    const repository = `bench/indexed-${round}`;
    await pushUnindexed(server, repository);
    alone.push(await pullFor(server, seconds));
    const ended = new AbortController();
    const index = send(server, 'GET', `/api/v1/image/waste?repository=${repository}&reference=1&wait=60`);
    const work = [index, ...Array.from({ length: browsers }, (_, browser) => browse(server, browser, ended.signal))];
    beside.push(await pullFor(server, seconds));
    ended.abort();
    await Promise.all(work);
  }
  const row = (name: string, of: (one: Percentiles) => number) => {
    const [one, other] = [median(alone.map(of)), median(beside.map(of))];
    return [name, one.toFixed(2), other.toFixed(2), (other / one).toFixed(2)];
  };
  return [
    ['pulls of a manifest', 'alone, ms', 'beside browsers and an index, ms', 'ratio'],
    row('median', ({ middle }) => middle),
    row('99th percentile', ({ high }) => high),
  ];
}

interface Percentiles {
  /** Milliseconds. */
  readonly middle: number;
  readonly high: number;
}

/** Pulls one after the other, so that the times are those of the server. */
async function pullFor(server: Server, seconds: number): Promise<Percentiles> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const started = performance.now();
    await send(server, 'GET', pullPath);
    times.push(performance.now() - started);
  }
  times.sort((one, other) => one - other);
  return { middle: times[Math.floor(times.length / 2)] ?? 0, high: times[Math.floor(times.length * 0.99)] ?? 0 };
}

/** Opens one view after the other. */
async function browse(server: Server, first: number, ended: AbortSignal): Promise<void> {
  const pages = views.filter(({ path }) => path.startsWith('/ui'));
  await pause((readingMilliseconds * first) / browsers, ended);
  for (let index = first; !ended.aborted; index++) {
    await repeat(server, 'GET', pages[index % pages.length]?.path ?? '/ui', 1, 1);
    await pause(readingMilliseconds, ended);
  }
}

function pause(milliseconds: number, ended: AbortSignal): Promise<void> {
  if (ended.aborted) return Promise.resolve();
  return new Promise((resume) => {
    const timer = setTimeout(resume, milliseconds);
    ended.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resume();
      },
      { once: true },
    );
  });
}

/** Pushes an image of 20,000 new files. */
async function pushUnindexed(server: Server, repository: string): Promise<void> {
  const nonce = randomBytes(8).toString('hex');
  const files = Array.from({ length: 20_000 }, (_, file) => {
    return [`opt/d${file % 100}/file-${file}`, `${nonce}${file}`.repeat(20)] as const;
  });
  await pushImage(server, repository, '1', imageOf([gzipSync(tar(Object.fromEntries(files)))]));
}
