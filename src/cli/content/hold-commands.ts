import type { Argument, CommandGroup } from '../program/command.ts';
import { repository } from './trash-commands.ts';

export const reference: Argument = ['REF', 'team/app:1.0 or team/app@sha256:…'];

/** `berth hold …` */
export const hold: CommandGroup = {
  name: 'hold',
  summary: 'keep images from being deleted',
  commands: [
    {
      name: 'add',
      summary: 'put a hold on an image',
      arguments: [reference],
      options: [
        ['--reason <TEXT>', 'why it must not be deleted'],
        ['--until <DURATION>', 'time until the hold ends, such as 90d; default: no end'],
      ],
      printsData: true,
      load: async () => (await import('./hold.ts')).addHold,
    },
    {
      name: 'list',
      summary: 'list the holds',
      arguments: [repository],
      printsData: true,
      load: async () => (await import('./hold.ts')).listHolds,
    },
    {
      name: 'remove',
      summary: 'end the hold of an image',
      arguments: [reference],
      printsData: true,
      load: async () => (await import('./hold.ts')).removeHold,
    },
  ],
};
