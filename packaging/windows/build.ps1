# Builds Terroir-VERSION-x64.msi on Windows 10 or later.
#
#   powershell -ExecutionPolicy Bypass -File packaging\windows\build.ps1 [-Vcpkg C:\vcpkg] [-Out out\packages]
#
# Needs: Visual Studio's C++ tools, Rust (x86_64-pc-windows-msvc), vcpkg, WiX 5 (`dotnet tool install --global wix`),
# Python 3, and ImageMagick for the icon. vcpkg builds GDAL with the formats Terroir asks for; that takes an hour, once.
param(
    [string]$Vcpkg = $(if ($env:VCPKG_ROOT) { $env:VCPKG_ROOT } else { "C:\vcpkg" }),
    [string]$Out = "out\packages"
)
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..\..")

function Invoke-Step([string]$What, [scriptblock]$Step) {
    Write-Host "== $What"
    & $Step
    if ($LASTEXITCODE -ne 0) { throw "$What failed with code $LASTEXITCODE" }
}

$version = (Select-String -Path Cargo.toml -Pattern '^version = "(.+)"$' | Select-Object -First 1).Matches[0].Groups[1].Value
if (-not $env:TERROIR_COMMIT -and (Test-Path .git)) {
    $env:TERROIR_COMMIT = (git rev-parse --short=12 HEAD)
}

$triplet = "x64-windows"
Invoke-Step "GDAL and PROJ" {
    & "$Vcpkg\vcpkg.exe" install "gdal[core,tools,curl,hdf5,netcdf,openjpeg,png,jpeg,webp,zstd,sqlite3]:$triplet" "pkgconf:$triplet"
}
$installed = "$Vcpkg\installed\$triplet"
# Both are found through pkgconf. PROJ must be 9.6.2 or newer: with an older one the crate builds a PROJ of its own, and two of
# them in one process disagree (`terroir doctor` below would say so).
$env:PKG_CONFIG = "$installed\tools\pkgconf\pkgconf.exe"
$env:PKG_CONFIG_PATH = "$installed\lib\pkgconfig"
Invoke-Step "Terroir" { cargo build --release --locked --target x86_64-pc-windows-msvc }

$stage = Join-Path $Out "windows-stage"
Remove-Item -Recurse -Force $stage -ErrorAction SilentlyContinue
New-Item -ItemType Directory -Force $stage, "$stage\share\proj", "$stage\share\gdal", "$stage\share\terroir" | Out-Null
Copy-Item "target\x86_64-pc-windows-msvc\release\terroir.exe" $stage
# Windows looks for libraries beside the program first.
Copy-Item "$installed\bin\*.dll" $stage
Copy-Item "$installed\share\proj\*" "$stage\share\proj" -Recurse
Copy-Item "$installed\share\gdal\*" "$stage\share\gdal" -Recurse
foreach ($folder in "sample", "weights") {
    Copy-Item "assets\$folder" "$stage\share\terroir\$folder" -Recurse
}
Copy-Item LICENSE-MIT, LICENSE-APACHE $stage
python packaging\licences.py x86_64-pc-windows-msvc | Set-Content -Encoding utf8 "$stage\THIRD-PARTY.txt"
Get-ChildItem "$installed\share\*\copyright" | ForEach-Object {
    $folder = New-Item -ItemType Directory -Force "$stage\share\licences\$($_.Directory.Name)"
    Copy-Item $_ $folder
}
Invoke-Step "Icon" {
    magick -background none packaging\icons\terroir.svg -define icon:auto-resize=256,128,64,48,32,24,16 "$stage\terroir.ico"
}

# The staged program must work on its own: its report names what is missing, and ends with code 1.
$env:PATH = "$env:SystemRoot\System32;$env:SystemRoot"
Remove-Item Env:PROJ_DATA, Env:PROJ_LIB, Env:GDAL_DATA -ErrorAction SilentlyContinue
Invoke-Step "terroir doctor" { & "$stage\terroir.exe" doctor }

Invoke-Step "Installer" {
    & "$env:USERPROFILE\.dotnet\tools\wix.exe" build packaging\windows\terroir.wxs -arch x64 `
        -d "Version=$version" -d "Stage=$((Resolve-Path $stage).Path)" -o "$Out\Terroir-$version-x64.msi"
}
Write-Host "$Out\Terroir-$version-x64.msi"
