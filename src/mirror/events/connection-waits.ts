import type { MirrorEvents } from './mirror-events.ts';

/** Tells when downloads wait for a connection, so that an operator can allow more of them. */
export interface ConnectionWaits {
  /** A download got its connection, or gave up, after so many milliseconds. */
  note(upstream: string, milliseconds: number): void;
}

export interface ConnectionWaitsOptions {
  readonly now: () => number;
  readonly events: Pick<MirrorEvents, 'waited' | 'waitedLong'>;
}

const slowMilliseconds = 1000;
const pauseMilliseconds = 10_000;

export function createConnectionWaits({ now, events }: ConnectionWaitsOptions): ConnectionWaits {
  const unreported = new Map<string, { downloads: number; longest: number; quietUntil: number }>();

  return {
    note(upstream, milliseconds) {
      events.waited(upstream, milliseconds / 1000);
      if (milliseconds < slowMilliseconds) return;
      const waits = unreported.get(upstream) ?? { downloads: 0, longest: 0, quietUntil: 0 };
      unreported.set(upstream, waits);
      waits.downloads++;
      waits.longest = Math.max(waits.longest, milliseconds);
      if (now() < waits.quietUntil) return;
      events.waitedLong({ upstream, downloads: waits.downloads, longestSeconds: Math.round(waits.longest) / 1000 });
      unreported.set(upstream, { downloads: 0, longest: 0, quietUntil: now() + pauseMilliseconds });
    },
  };
}
