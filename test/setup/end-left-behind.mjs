// A process of its own beside a test run. When the run is over or was killed, its end of our input is closed; then
// whatever its tests have noted in the folder and not ended is ended here, by its id.
import { rm } from 'node:fs/promises';
import { endTestProcesses } from '#embedded';

const [folder = ''] = process.argv.slice(2);
process.stdin.resume().once('end', async () => {
  for (const what of await endTestProcesses(folder)) console.log(`Ended what a test had left behind: ${what}`);
  await rm(folder, { recursive: true, force: true });
});
