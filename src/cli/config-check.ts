import { checkConfig } from '../assembly/check-config.ts';
import type { Command } from './command.ts';

/** `berth config check`: prints what is wrong with the configuration, or that nothing is. */
export const configCheck: Command = {
  name: 'config check',
  summary: 'check the configuration and the environment, and name every error',
  usage: 'berth config check [--config FILE]',
  options: {},
  serves: true,
  async run({ config, print }) {
    for (const warning of await checkConfig(config())) print(`warning: ${warning}`);
    print('the configuration is good');
  },
};
