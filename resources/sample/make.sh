#!/bin/sh
# Makes sample.mp4 out of nothing but ffmpeg's own filters: hills at dusk, and a chord. Its index stands at the end on purpose.
set -eu
cd "$(dirname "$0")"

# One hill layer: a still picture that repeats every 1280 pixels, so that `scroll` can move it for ever.
# $1 colour r,g,b; $2 height of the ridge (pixels from the top) as an expression of X, where P is one turn per picture.
hill() {
    printf "color=black:s=1280x720:r=30:d=8,format=rgba,trim=end_frame=1,geq=r='%s+(Y-(%s))*0.03':g='%s+(Y-(%s))*0.03':b='%s+(Y-(%s))*0.02':a='255*clip((Y-(%s))/1.6+0.5,0,1)',loop=loop=-1:size=1" \
        "$1" "$4" "$2" "$4" "$3" "$4" "$4"
}
P="X*2*PI/1280"
far=$(hill 98 74 122 "430+34*sin(2*$P+0.6)+16*sin(5*$P)+5*sin(11*$P+1)")
middle=$(hill 62 46 96 "510+38*sin($P+2.1)+20*sin(4*$P+0.4)+6*sin(9*$P)")
near=$(hill 28 22 54 "610+30*sin(2*$P+4.0)+14*sin(3*$P+1.2)+4*sin(13*$P)")
sun="hypot(X-880,Y-330)"
disc="clip(64-$sun+0.5,0,1)"
# $1 to $4: the sky's value at the top, how much it gains, how fast, and the glow around the sun; $5 the sun's own value.
sky() { printf '%s' "lerp(clip($1+$2*pow(Y/470,$3)+$4*exp(-$sun/180),0,255),$5,$disc)"; }
sky="color=black:s=1280x720:r=30:d=8,format=gbrp,trim=end_frame=1,geq=r='$(sky 40 205 1.1 70 255)':g='$(sky 34 104 1.6 66 226)':b='$(sky 92 20 1.0 26 168)',loop=loop=-1:size=1"

ffmpeg -hide_banner -loglevel error -y -filter_complex "
  $sky[sky];
  $far,scroll=h=0.0004[far];
  $middle,scroll=h=0.0010[middle];
  $near,scroll=h=0.0024[near];
  [sky][far]overlay=format=gbrp[a];[a][middle]overlay=format=gbrp[b];[b][near]overlay=format=gbrp,
  fade=t=in:d=0.6,format=yuv420p[picture];
  sine=f=220:d=8[s1];sine=f=277.18:d=8[s2];sine=f=329.63:d=8[s3];sine=f=440:d=8[s4];
  [s1][s2][s3][s4]amix=inputs=4:normalize=0,volume=0.5,tremolo=f=0.5:d=0.5,aformat=channel_layouts=stereo,
  afade=t=in:d=1,afade=t=out:st=6.5:d=1.5[sound]" \
    -map "[picture]" -map "[sound]" -t 8 \
    -c:v libx264 -profile:v high -preset slow -crf 23 -g 60 -threads 1 -c:a aac -b:a 64k \
    -metadata title="Hills at dusk" -metadata:s:v language=und -fflags +bitexact -flags +bitexact sample.mp4
