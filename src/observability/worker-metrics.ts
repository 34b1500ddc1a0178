import cluster, { type Worker } from 'node:cluster';

/** Numbers of all worker processes, whichever of them is scraped. */
export interface SharedMetrics {
  /** Tells this process from the others. */
  readonly worker: number;
  /** Says where this process's own come from, in Prometheus's text format. */
  share(own: () => Promise<string>): void;
  /** Everybody's, as one text. */
  gather(): Promise<string>;
}

/** Between the supervisor and its workers. The numbers tell questions from each other. */
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

/** For the supervisor: brings the workers' numbers to the one that asks. */
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

/** For a worker. */
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

/** Who asks while it runs gets what it brings. */
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

/** Who is on the way out hears nothing any more. */
function send(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}

/** Prometheus wants the lines of a metric together, behind one description. */
function merged(texts: readonly string[]): string {
  const metrics = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    const name = /^# HELP (\S+)/.exec(line)?.[1];
    const known = name === undefined ? undefined : metrics.get(name);
    if (name !== undefined) metrics.set(name, (lines = known ?? [line]));
    else if (line !== '' && !lines.includes(line)) lines.push(line);
  }
  return `${[...metrics.values()].map((metric) => metric.join('\n')).join('\n')}\n`;
}
