import type { RegistryEvent } from '../../storage/metadata/queries/events.ts';
import { MetadataError, type MetadataStore } from '../../storage/metadata/store.ts';
import { type BackOff, pauseAfter } from '../../storage/back-off.ts';
import type { Lease, Leases } from '../coordination/leases.ts';
import type { Log } from '../observability/log.ts';
import { type EventsOf, createEventReader } from './event-reader.ts';

/** What a consumer does with events. */
export interface EventHandler {
  /** Names the consumer in the metadata store, in metrics and in log lines. Never reused for something else. */
  readonly name: string;
  /** Most events of one call. */
  readonly batch: number;
  /**
   * True if a change of this process wakes the consumer; otherwise it waits for the schedule, and handles more events at a
   * time.
   */
  readonly isPrompt: boolean;
  /** Events of so many seconds before the position are handled again at each start: a power loss may have undone their effect. */
  readonly repeatSeconds: number;
  /**
   * Handles events in ascending order of their ids. Events are handled at least once: again after a failure, and after a crash.
   * A rejection stops the consumer for a moment; the same events come again then.
   */
  handle(events: readonly RegistryEvent[], delivery: Delivery): Promise<void>;
}

/** One call of a handler. */
export interface Delivery {
  /** The position before these events: all events up to this id were handled, perhaps by another process. */
  readonly after: number;
  /** Throws `unavailable` if another process may handle the same events by now. Call it before each change outside berth. */
  assertHeld(): void;
  /** Aborted when berth shuts down. */
  readonly signal: AbortSignal;
}

export interface ConsumerParts {
  readonly metadata: {
    readonly events: EventsOf & Pick<MetadataStore['events'], 'findConsumer' | 'addConsumer' | 'advance' | 'rewind'>;
  };
  /** Undefined if no other process serves from the same stores. */
  readonly leases: Pick<Leases, 'take'> | undefined;
  readonly log: Pick<Log, 'error'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds on a clock that is never set; default: the process's own. */
  readonly monotonic?: () => number;
}

/** Hands the events of the metadata store to a handler, in one process at a time. */
export interface Consumer {
  readonly name: string;
  readonly isPrompt: boolean;
  /** Makes the consumer known: it gets the events from the first call on. */
  open(): Promise<void>;
  /**
   * Handles all events that wait, also those that come meanwhile; calls share one run. Does nothing while another process does
   * it, or for a pause after a failure. Never rejects: failures are logged.
   */
  deliver(): Promise<void>;
  /** Seconds since the oldest event that is not handled yet; 0 if there is none. */
  lagSeconds(): Promise<number>;
  /** Ends the work after the current call of the handler, which gets the signal. */
  close(): Promise<void>;
}

/** Milliseconds. */
const pauses: BackOff = { first: 1_000, longest: 60_000 };

export function createConsumer(
  { name, batch, isPrompt, repeatSeconds, handle }: EventHandler,
  { metadata, leases, log, now, monotonic = () => performance.now() }: ConsumerParts,
): Consumer {
  const { events } = metadata;
  const readEvents = createEventReader(events);
  const closing = new AbortController();
  let failures = 0;
  let pausedUntil = -Infinity;
  let isRequested = false;
  let running: Promise<void> | undefined;

  async function deliverRequested(): Promise<void> {
    while (isRequested && !closing.signal.aborted && monotonic() >= pausedUntil) {
      isRequested = false;
      try {
        await deliverWaiting();
        failures = 0;
      } catch (error) {
        failures++;
        pausedUntil = monotonic() + pauseAfter(failures, pauses);
        log.error({ consumer: name, failures, err: error }, 'events could not be delivered: they are delivered again');
      }
    }
  }

  async function deliverWaiting(): Promise<void> {
    const state = await events.findConsumer(name);
    if (state?.waitingSince === null) return;
    const lease = await leases?.take(`events:${name}`);
    if (leases && !lease) return;
    try {
      await deliverAll(lease);
    } finally {
      await lease?.release();
    }
  }

  async function deliverAll(lease: Lease | undefined): Promise<void> {
    const assertHeld = () => lease?.assertHeld();
    // Read again: another process may have had the lease since.
    let position = (await events.findConsumer(name))?.position;
    if (position === undefined) throw new MetadataError('unavailable', `the consumer ${name} is not known to the metadata store`);
    for (;;) {
      const found = await readEvents(position, batch);
      const last = found.at(-1);
      if (!last || closing.signal.aborted) return;
      await handle(found, { after: position, assertHeld, signal: closing.signal });
      assertHeld();
      await events.advance(name, last.id);
      position = last.id;
    }
  }

  return {
    name,
    isPrompt,
    async open() {
      if (!(await events.findConsumer(name))) await events.addConsumer(name);
      else if (repeatSeconds > 0) await events.rewind(name, now() - repeatSeconds * 1000);
    },
    deliver() {
      isRequested = true;
      return (running ??= deliverRequested().finally(() => (running = undefined)));
    },
    async lagSeconds() {
      const since = (await events.findConsumer(name))?.waitingSince ?? null;
      return since === null ? 0 : Math.max(0, now() - since) / 1000;
    },
    async close() {
      closing.abort(new Error('berth is shutting down'));
      await running;
    },
  };
}
