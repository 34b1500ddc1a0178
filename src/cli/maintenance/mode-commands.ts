import type { CommandGroup } from '../program/command.ts';

const load = () => import('./mode.ts');

/** `berth maintenance …` */
export const maintenanceMode: CommandGroup = {
  name: 'maintenance',
  summary: 'refuse changes of content for a time; pulls work',
  commands: [
    {
      name: 'on',
      summary: 'refuse pushes, deletions and changes of tags in all processes, until off',
      options: [['--reason <TEXT>', 'why, for the clients that are refused']],
      printsData: true,
      load: async () => (await load()).beginMaintenance,
    },
    {
      name: 'off',
      summary: 'accept changes again',
      printsData: true,
      load: async () => (await load()).endMaintenance,
    },
    {
      name: 'status',
      summary: 'show whether changes are refused, and why',
      printsData: true,
      load: async () => (await load()).showMaintenance,
    },
  ],
};
