import cluster, { type Worker } from 'node:cluster';

/**
 * Metrics of all worker processes, at any of them. prom-client's `AggregatorRegistry` does not serve here: it gathers only in
 * the supervisor, one worker that does not answer fails the whole scrape, and it leaves out some metrics of processes.
 */
export interface SharedMetrics {
  /** The number of this worker process. */
  readonly worker: number;
  /** Registers the source of this process's own metrics, in Prometheus's text format. */
  share(own: () => Promise<string>): void;
  /** Returns the metrics of all workers as one text. */
  gather(): Promise<string>;
}

/** A message between the supervisor and its workers. The numbers distinguish requests. */
interface Message {
  readonly gatherMetrics?: number;
  readonly tellMetrics?: number;
  readonly toldMetrics?: number;
  readonly gatheredMetrics?: number;
  readonly text?: string;
}

/** A worker that does not answer in this time is left out. */
const maxWaitMilliseconds = 2000;

let asked = 0;

/** Answers, in the supervisor, requests of workers for the metrics of all. */
export function relayMetrics(): void {
  const gather = once(async () => {
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    return merged(await Promise.all(workers.map(textOf)));
  });
  cluster.on('message', (asker: Worker, { gatherMetrics }: Message) => {
    if (gatherMetrics === undefined) return;
    void gather().then((text) => send(asker, { gatheredMetrics: gatherMetrics, text }));
  });
}

/** Lets a worker join. */
export function joinMetrics(worker: number): SharedMetrics {
  return {
    worker,
    share(own) {
      process.on('message', ({ tellMetrics }: Message) => {
        if (tellMetrics !== undefined) void own().then((text) => process.send?.({ toldMetrics: tellMetrics, text }));
      });
    },
    gather: once(askForAll),
  };
}

function askForAll(): Promise<string> {
  const question = ++asked;
  return new Promise((resolve) => {
    const hear = ({ gatheredMetrics, text = '' }: Message): void => {
      if (gatheredMetrics !== question) return;
      process.off('message', hear);
      resolve(text);
    };
    process.on('message', hear);
    process.send?.({ gatherMetrics: question });
  });
}

/** Returns `work` such that calls during a run share its result. */
function once(work: () => Promise<string>): () => Promise<string> {
  let running: Promise<string> | undefined;
  return () => (running ??= work().finally(() => (running = undefined)));
}

function textOf(worker: Worker): Promise<string> {
  const question = ++asked;
  return new Promise((resolve) => {
    const end = (text: string): void => {
      clearTimeout(timer);
      worker.off('message', hear).off('exit', gone);
      resolve(text);
    };
    const hear = ({ toldMetrics, text = '' }: Message): void => {
      if (toldMetrics === question) end(text);
    };
    const gone = (): void => end('');
    const timer = setTimeout(gone, maxWaitMilliseconds);
    worker.on('message', hear).on('exit', gone);
    send(worker, { tellMetrics: question });
  });
}

/** Sends the message unless the worker has disconnected. */
function send(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}

/** Prometheus wants the lines of a metric together, behind one description. */
function merged(texts: readonly string[]): string {
  const metrics = new Map<string, Set<string>>();
  let lines = new Set<string>();
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    const name = /^# HELP (\S+)/.exec(line)?.[1];
    const known = name === undefined ? undefined : metrics.get(name);
    if (name !== undefined) metrics.set(name, (lines = known ?? new Set([line])));
    else if (line !== '') lines.add(line);
  }
  return `${[...metrics.values()].map((metric) => [...metric].join('\n')).join('\n')}\n`;
}
