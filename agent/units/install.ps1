#Requires -RunAsAdministrator
# Installs the jishi agent as a Windows service under WinSW (https://github.com/winsw/winsw), which has to be downloaded
# before. Printed by `jishi-agent service install --print --system powershell`. Enrol before it is started:
#     & @PROGRAM@ enroll -c @CONFIG@ --token-file FILE
#     .\install.ps1 -WinSW .\WinSW-x64.exe
param(
    [Parameter(Mandatory)][string]$WinSW,
    [string]$Directory = (Join-Path $env:ProgramFiles 'jishi-agent-service')
)
$ErrorActionPreference = 'Stop'

$name = 'jishi-agent'
# A virtual account: it has no password, and no rights but those that are granted to it.
$account = "NT SERVICE\$name"
$stateDirectory = @STATE_DIR@
$wrapper = Join-Path $Directory "$name.exe"
$definition = @'
@WINSW@'@

function Invoke-Checked([string]$program, [string[]]$arguments) {
    & $program @arguments
    if ($LASTEXITCODE -ne 0) { throw "$program $arguments ended with exit code $LASTEXITCODE" }
}

New-Item -ItemType Directory -Force -Path $Directory, $stateDirectory | Out-Null
Copy-Item -LiteralPath $WinSW -Destination $wrapper -Force
Set-Content -LiteralPath (Join-Path $Directory "$name.xml") -Value $definition -Encoding UTF8
Invoke-Checked $wrapper @('install')

Invoke-Checked 'sc.exe' @('config', $name, 'obj=', $account)
Invoke-Checked 'sc.exe' @('sidtype', $name, 'unrestricted')
# Start again after 5 s, 30 s, then every minute; the count begins anew after an hour. Also after an end with an error.
Invoke-Checked 'sc.exe' @('failure', $name, 'reset=', '3600', 'actions=', 'restart/5000/restart/30000/restart/60000')
Invoke-Checked 'sc.exe' @('failureflag', $name, '1')

# The key lies in the state directory: the service, administrators (S-1-5-32-544) and the system (S-1-5-18), no others.
Invoke-Checked 'icacls.exe' @($stateDirectory, '/inheritance:r', '/grant:r', "${account}:(OI)(CI)M",
    '*S-1-5-32-544:(OI)(CI)F', '*S-1-5-18:(OI)(CI)F')
Invoke-Checked 'icacls.exe' @($Directory, '/grant', "${account}:(OI)(CI)M")

Start-Service -Name $name
Get-Service -Name $name
