/** Takes the place of `node:worker_threads` in modules that start threads: their code is in the executable. */
import { type WorkerOptions, Worker as Thread } from 'node:worker_threads';
import { nameIn, readAsset } from './assets.ts';

export class Worker extends Thread {
  constructor(file: URL, options: WorkerOptions = {}) {
    super(readAsset(nameIn(file) ?? file.href).toString(), { ...options, eval: true });
  }
}
