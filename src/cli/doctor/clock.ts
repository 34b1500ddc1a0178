import type { Config } from '../../../config/schema.ts';
import { type Finding, ok, problem, skipped } from './finding.ts';

const name = 'clock';
const largestDifferenceSeconds = 30;
const waitMilliseconds = 5000;

/** Compares the clock of this machine with the time that an upstream or the own public address tells. */
export async function checkClock(config: Config): Promise<readonly Finding[]> {
  for (const url of [...Object.values(config.mirror.upstreams).map((upstream) => upstream.url), config.publicUrl]) {
    if (url === undefined) continue;
    const answer = await fetch(new URL('/v2/', url), { method: 'HEAD', signal: AbortSignal.timeout(waitMilliseconds) }).catch(
      () => undefined,
    );
    const told = Date.parse(answer?.headers.get('date') ?? '');
    if (Number.isNaN(told)) continue;
    const seconds = Math.round(Math.abs(Date.now() - told) / 1000);
    if (seconds <= largestDifferenceSeconds) return [ok(name, `it agrees with that of ${new URL(url).host}`)];
    const advice = 'synchronise it (systemd-timesyncd, chrony): tokens and signatures depend on it';
    return [problem(name, `it differs by ${seconds} s from that of ${new URL(url).host}`, advice)];
  }
  return [skipped(name, 'no other server could be asked for the time')];
}
