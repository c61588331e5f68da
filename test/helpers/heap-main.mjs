// Loaded into a server before its own main: has it collect its garbage when it is asked, and says what is left.
process.on('message', (message) => {
  if (message !== 'collect') return;
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  process.send({ heap: heapUsed, buffers: external });
});
