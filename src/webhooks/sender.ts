import { type BackOff, pauseAfter, spread } from '../../storage/back-off.ts';
import type { DeliveryRecord } from '../../storage/metadata/queries/webhooks/deliveries.ts';
import type { WebhookQueue } from '../../storage/metadata/queries/webhooks/queues.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Lease, Leases } from '../coordination/leases.ts';
import { withTimeout } from '../coordination/timeout.ts';
import type { Log } from '../observability/log.ts';
import { type Client, type Failure, mostConnections } from './client.ts';

export interface SenderOptions {
  /** Name of the target. */
  readonly name: string;
  readonly client: Client;
  readonly metadata: Pick<MetadataStore, 'webhookQueues' | 'webhookTargets'>;
  /** Undefined if no other process serves from the same stores. */
  readonly leases: Pick<Leases, 'take'> | undefined;
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds on a clock that is never set; default: the process's own. */
  readonly monotonic?: (() => number) | undefined;
  /** Time for which a message is tried. */
  readonly retryMilliseconds: number;
  /** Called after each try. */
  readonly tried: (result: 'delivered' | 'failed' | 'dead') => void;
}

/** Sends the messages that wait for one target, in one process at a time. */
export interface Sender {
  /**
   * Sends what is due: for each repository one message after the other, in order. Calls share one run. Does nothing while another
   * process does it. Never rejects: failures are logged.
   */
  run(): Promise<void>;
  /** Resolves when the run in progress has ended. */
  settled(): Promise<void>;
  /** Begins no request any more, and interrupts those that take longer than a moment: their messages are sent again later. */
  close(): Promise<void>;
}

/** Pauses after failures in a row, in milliseconds: of the receiver, and of one message. */
const pauses: BackOff = { first: 1_000, longest: 15 * 60_000 };
/** Pauses after failures of the metadata store. */
const storePauses: BackOff = { first: 1_000, longest: 60_000 };

/** Time for requests in progress at a shutdown: an answer that is not heard makes a duplicate. */
const lastRequestSeconds = 2;

/** Messages of one repository until others have their turn. */
const turn = 50;

/**
 * Tries before a message is given up: as many where the receiver rejects it; otherwise its time must be over, too. A message that
 * waited behind others has tries of its own.
 */
const leastTries = 5;

export function createSender(options: SenderOptions): Sender {
  const { name, client, metadata, leases, log, now, monotonic = () => performance.now(), retryMilliseconds, tried } = options;
  const { webhookQueues, webhookTargets: targets } = metadata;
  const closing = new AbortController();
  let storeFailures = 0;
  let pausedUntil = -Infinity;
  let isRequested = false;
  let isStopped = false;
  let running: Promise<void> | undefined;

  const isClosing = () => isStopped;

  async function runRequested(): Promise<void> {
    while (isRequested && !isClosing() && monotonic() >= pausedUntil) {
      isRequested = false;
      try {
        await sendIfDue();
        storeFailures = 0;
      } catch (error) {
        if (isClosing()) return;
        // Nothing was recorded: without a pause the same messages would be sent again and again.
        storeFailures++;
        pausedUntil = monotonic() + pauseAfter(storeFailures, storePauses);
        log.error({ target: name, err: error }, 'deliveries of a webhook could not be recorded: they are sent again');
      }
    }
  }

  async function sendIfDue(): Promise<void> {
    if ((await listDue()).length === 0) return;
    const lease = await leases?.take(`webhooks:${name}`);
    if (leases && !lease) return;
    try {
      await sendAll(lease);
    } finally {
      await lease?.release();
    }
  }

  /** Returns the repositories whose turn it is; after a failure only one, until the receiver works again. */
  async function listDue(): Promise<readonly WebhookQueue[]> {
    const target = await targets.find(name);
    const time = now();
    const horizon = time + pauses.longest;
    if (!target || target.waitingSince === null || (target.retryAt > time && target.retryAt <= horizon)) return [];
    return webhookQueues.listDue(name, time, horizon, target.failures > 0 ? 1 : mostConnections);
  }

  async function sendAll(lease: Lease | undefined): Promise<void> {
    while (!isClosing()) {
      const queues = await listDue();
      if (queues.length === 0) return;
      const failing = new AbortController();
      const ended = await Promise.allSettled(queues.map((queue) => sendTurn(queue, lease, failing)));
      for (const end of ended) if (end.status === 'rejected') throw end.reason;
    }
  }

  /** `failing` is aborted when the receiver fails: then no further message begins. */
  async function sendTurn(queue: WebhookQueue, lease: Lease | undefined, failing: AbortController): Promise<void> {
    const waiting = await webhookQueues.listNext(name, queue.repository, turn);
    let { failures } = queue;
    for (const delivery of waiting) {
      if (isClosing() || failing.signal.aborted) return;
      lease?.assertHeld();
      const outcome = await client.send(delivery, closing.signal);
      if (outcome.kind === 'failed') {
        await recordFailure(delivery, failures, outcome, failing);
        return;
      }
      failures = 0;
      const { id, repository } = delivery;
      await webhookQueues.recordSuccess({ target: name, repository, id, at: now(), status: outcome.status });
      tried('delivered');
    }
    if (waiting.length < turn) await webhookQueues.close(name, queue.repository);
  }

  async function recordFailure(
    { id, repository, queuedAt, attempts, messageId }: DeliveryRecord,
    failures: number,
    { status, error, isRejected, retryAfterSeconds = 0 }: Failure,
    failing: AbortController,
  ): Promise<void> {
    const at = now();
    const isDead = attempts + 1 >= leastTries && (isRejected || at - queuedAt >= retryMilliseconds);
    const receiver = isRejected ? undefined : await targets.find(name);
    const wanted = Math.min(retryAfterSeconds * 1000, pauses.longest);
    const inARow = (receiver?.failures ?? 0) + 1;
    if (receiver) failing.abort();
    await webhookQueues.recordFailure({
      target: name,
      repository,
      id,
      at,
      status,
      error,
      isDead,
      dueAt: at + Math.round(spread(pauseAfter(failures + 1, pauses))),
      retryAt: receiver && at + Math.max(Math.round(spread(pauseAfter(inARow, pauses))), wanted),
    });
    tried(isDead ? 'dead' : 'failed');
    const facts = { target: name, message: messageId, repository, reason: error };
    if (isDead) log.warn(facts, 'a message of a webhook was given up: berth webhooks resend sends it again');
    else if (receiver && inARow === 1) log.warn(facts, 'the receiver of a webhook fails: messages wait for it');
  }

  return {
    run() {
      isRequested = true;
      return (running ??= runRequested().finally(() => (running = undefined)));
    },
    async settled() {
      await running;
    },
    async close() {
      isStopped = true;
      if (running) await withTimeout(running, lastRequestSeconds);
      closing.abort(new Error('berth is shutting down'));
      await running;
      client.close();
    },
  };
}
