/** A service that dies before it listens. */
process.on('message', () => {
  process.stderr.write('loading the model\nthere is no file model.safetensors\n')
  process.exit(3)
})
