const words = '@COMMAND@'.split(' ')
const { exitCode } = await $({
  nothrow: true,
  stdio: 'inherit'
})`podman run --rm --network=none --label=@LABEL@ @IMAGE@ ${words}`
process.exitCode = exitCode
