import { withTimeout } from '../coordination/timeout.ts';
import type { Consumer } from './consumer.ts';

/** The consumers of a server. */
export interface Consumers {
  /** Makes all of them known to the metadata store. Call it before the first change. */
  open(): Promise<void>;
  /** Handles what waits: for a schedule, which finds the changes of other processes. Never rejects. */
  deliver(): Promise<void>;
  /** Begins to handle what waits for prompt consumers: for changes of this process. */
  notify(): void;
  /** Seconds since the oldest event that is not handled yet, by consumer. */
  lags(): Promise<readonly { readonly consumer: string; readonly seconds: number }[]>;
  /** Handles what waits, for at most `graceSeconds`, and ends. Call it after the last change. */
  close(graceSeconds: number): Promise<void>;
}

export function createConsumers(consumers: readonly Consumer[]): Consumers {
  async function deliverTo(some: readonly Consumer[]): Promise<void> {
    await Promise.all(some.map((consumer) => consumer.deliver()));
  }
  const deliver = () => deliverTo(consumers);
  const prompt = consumers.filter(({ isPrompt }) => isPrompt);

  return {
    async open() {
      for (const consumer of consumers) await consumer.open();
    },
    deliver,
    notify: () => void deliverTo(prompt),
    lags: () =>
      Promise.all(consumers.map(async (consumer) => ({ consumer: consumer.name, seconds: await consumer.lagSeconds() }))),
    async close(graceSeconds) {
      await withTimeout(deliver(), graceSeconds);
      await Promise.all(consumers.map((consumer) => consumer.close()));
    },
  };
}
