import { parentPort, workerData } from 'node:worker_threads';
import { readDocument } from './document.ts';

/** The thread that reads one document: JSON of some MiB would hold up the requests of the process. */
parentPort?.postMessage(readDocument(workerData as Uint8Array));
