// A bomb in isolated-vm, with its limits: isolated-vm.mjs NAME SECONDS CODE
import ivm from 'isolated-vm';

const bombed = new ivm.Isolate({ memoryLimit: 32 }).createContextSync();
const neighbour = new ivm.Isolate().createContextSync();
try {
  console.log(`bomb: returned ${await bombed.eval(process.argv[4], { timeout: process.argv[3] * 1000 })}`);
} catch (error) {
  console.log(`bomb: ${error.name}: ${error.message}`);
}
console.log(`neighbour: ${neighbour.evalSync('1 + 1') === 2 ? 'well' : 'wrong'}`);
process.exit(0);
