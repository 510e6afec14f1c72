derived-index = 指数
derived-index-tip = 这些波段的光谱指数
derived-index-none = 没有波段带有波长，因此指数找不到所需波段
derived-show = 显示 { $index }
derived-formula = 公式
derived-formula-tip = 光谱指数或自定义的波段公式
derived-show-formula = 显示公式
derived-hillshade = 山体阴影
derived-hillshade-tip = 低太阳高度下高程波段的地形起伏
derived-help =
    波段：b1、b2 …、red、green、blue、rededge、nir、nir08、swir16、swir22、nm665 或 band(665nm)、波段自身的名称。
    符号：+ − * / ^ %，< <= > >= == !=，and、or、not。
    函数：abs、sqrt、ln、log10、exp、min、max、clip(x, 下限, 上限)、where(条件, 是, 否)、round、floor、ceil、sin、cos、tan、db。
    数值为波段缩放后的值。
derived-save = 另存为栅格…
derived-save-tip = 对每个像素计算公式并写入 GeoTIFF
derived-change = 更改公式
derived-sun-from = 太阳方位
derived-sun-from-tip = 从北顺时针的角度
derived-sun-height = 太阳高度
derived-sun-height-tip = 地平线以上的角度
derived-exaggeration = 垂直夸张
derived-exaggeration-tip = 高程乘以此值；高程单位为英尺时用 0.3048
