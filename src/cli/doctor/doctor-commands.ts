import type { Command } from '../program/command.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'check the installation, and say what to do',
  printsData: true,
  load: async () => (await import('./doctor.ts')).doctor,
};

export const supportBundle: Command = {
  name: 'support-bundle',
  summary: 'write what helps others to find a fault, without secrets',
  options: [['-o, --output <FILE>', 'JSON file; default: standard output']],
  load: async () => (await import('./support-bundle.ts')).writeSupportBundle,
};
