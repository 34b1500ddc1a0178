import { readAllowPush } from '../assembly/open-mode.ts';
import { readPinnedImages } from '../assembly/pinned-images.ts';
import { readUpstreams } from '../assembly/upstreams.ts';
import { readWorkloadRules } from '../assembly/workload-rules.ts';
import type { Command } from './command.ts';

/** `berth config check`: says what is wrong with the configuration, or that nothing is. */
export const configCheck: Command = {
  name: 'config check',
  summary: 'check the configuration and the environment, and name every error',
  usage: 'berth config check [--config FILE]',
  options: {},
  async run({ config, print }) {
    const settings = config();
    readWorkloadRules(settings);
    await readUpstreams(settings);
    readPinnedImages(settings);
    readAllowPush(settings);
    print('the configuration is good');
  },
};
