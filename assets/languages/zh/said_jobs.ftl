said-reading-the-reference = 正在读取参考
said-no-reference-pixel-lies-on = 没有参考像元位于地图的已分类像元上；请检查两者是否为同一地点
said-reference-pixels-lie-where-the = { $unclassified } 个参考像元位于地图没有类别处；不计入
said-drawing-the-report = 正在绘制报告
said-overall-accuracy-of-the-whole = 整幅地图的总体精度 { $a } ± { $b } % (95 %)，基于 { $c } 个样本点
said-overall-accuracy-on-reference-pixels = 总体精度 { $percent }，基于 { $a } 个参考像元
said-pixels-of-the-reference-are = 参考中有 { $painted } 个像元是涂绘的或来自栅格
said-shapes-of-the-reference-are = 参考中有 { $training } 个图形未标为验证（属性 `use`）
said-so-they-are-no-random = { $what }，因此不是地图的随机样本；请用 `terroir sample` 抽取，或去掉 --stratified-sample
said-class-has-one-sample-point = 类别 { $a } 只有一个样本点：区间未计入其不确定性
said-the-reference-pixels-were-not = 参考像元不是作为地图的概率样本抽取的：指标只适用于这些像元，而不是整幅地图，也不据此估计面积
said-the-map-was-trained-with = 地图正是用此参考文件训练的：指标偏高；请使用训练未见过的标注
said-no-class-name-of-the = 地图的类别名称都未出现在参考中，因此按编号匹配类别
said-classes-of-the-reference-that = 参考中有而地图没有的类别：{ $a }
said-the-scene-reader-could-not = 无法启动影像读取程序
said-could-not-take-the-batch = { $a } 无法容纳此批次（{ $failure }）；现改为每次 { $batch } 个窗口
said-the-result-would-overwrite-the = 结果会覆盖影像；请选择其他名称
said-no-pixel-has-a-value = 没有像元有值：全部缺失，或公式对其没有结果
said-writing-the-file = 正在写出文件
said-of-pixels-s = { $pixels } 个像元的 { $a }，用时 { $seconds } s
said-polygons-of-change-are-not = 变化多边形不能在分片的行处切开；请不要生成 (--no-polygons)
said-there-are-no-fields-to = 没有可比较的嵌入场
said-change-between-and = { $a } 与 { $b } 之间的变化：{ $c }
said-dot-product-of-the-two = 两个向量的点积，1 = 无变化
said-1-dot-product-2-0 = (1 - 点积) / 2，0 = 无变化
said-angle-between-the-two-vectors = 两个向量之间的角度（度），0 = 无变化
said-how-unusual-the-later-year = 较晚年份在该像元所有年份中的异常程度，以偏差计
said-the-fields-were-made-by = 嵌入场由不同模型生成，其数值含义不同；请用相同的模型和权重生成全部嵌入场
said-a-threshold-of-lies-outside = 阈值 { $threshold } 超出 { $a } 的可能范围（{ $low } 至 { $high }）
said-the-smallest-area-must-be = 最小面积须为以平方米计的数值，不小于 0
said-the-local-z-compares-a = 局部 z 将某一年与该像元的通常情况比较，至少需要 { $fewest_years } 个嵌入场；现有 { $years } 个，请指定其他嵌入场 (--also)
said-only-the-local-z-uses = 只有局部 z 使用其他年份；请选择它作为度量，或不使用其他年份
said-before-and-after-are-the = 之前和之后是同一文件；请选择日期不同的两个嵌入场
said-the-result-would-overwrite-a = 结果会覆盖某个嵌入场；请选择其他名称
said-no-pixel-has-data-in = 没有像元在两个嵌入场中都有数据，因此没有可比较的内容
said-the-two-fields-differ-nearly = 两个嵌入场几乎处处不同（平均点积 { $a }）；请检查两者是否由同一模型生成且为同一地点
said-of-pixels-changed = { $b } 个像元中有 { $a } % 已变化（{ $c ->
        [distance] 距离
        [angle] 角度
       *[other] { $c }
    } { $sign ->
        [below] 低于
       *[above] 高于
    } { $d }）
said-of-at-least-m2 = ，{ $count } 个{ $a ->
        [polygon] 多边形
       *[polygons] 多边形
    }，每个不小于 { $b } m2
said-the-fields-have-no-place = 嵌入场没有地面位置，因此不写出多边形
said-there-is-no-cluster-to = 没有可命名为 { $name } 的聚类 { $number }；共有 { $a } 个
said-clusters-cannot-be-made-give = 无法生成 { $a } 个聚类；请给出 2 至 30 的数字
said-clusters-are-found-on-1000 = 聚类在 1000 至 200000 个像元上查找，不能为 { $a } 个
said-the-result-would-overwrite-its = 结果会覆盖其输入文件；请选择其他名称
said-the-clusters-were-found-on = 聚类是在另一个嵌入场上找到的，其轴的含义可能不同；请仔细检查地图
said-the-field-has-no-pixel = 嵌入场没有有数据的像元，因此没有可分组的内容
said-the-field-holds-only-different = 嵌入场只有 { $a } 种不同的像元，因此聚类不会更多
said-spherical-k-means-k-means = 球面 k-means，k-means++ 初始化
said-pixels-in = { $total } 个像元，分为 { $a } { $b ->
        [clusters] 个聚类
       *[other] { $b }
    }
said-classes-of-clusters = 个类别，来自 { $a } 个聚类
said-clusters-of-a-field = 嵌入场的聚类：{ $a }
said-the-colours-would-overwrite-a = 颜色会覆盖某个嵌入场；请选择其他名称
said-colours-of-from-pixels-the = { $a } 个{ $b ->
        [field] 场
       *[fields] 场
    }的颜色，来自 { $c } 个像元；前三个成分占方差的 { $d } %；用时 { $seconds } s
said-this-file-does-not-say = 此文件未说明其生成方式（没有 TERROIR_RUN）；只有 Terroir 写出的文件才有
said-no-raster-was-named = 未指定栅格
said-the-archive-has-no-images = 影像库中没有影像
said-the-projection-is-not-set = 未设置投影
said-fitting-the-projection = 正在拟合投影
said-no-pixel-has-a-value-in = 没有像元同时在所有波段中有值；请减少指定的波段，或选择其他影像
said-measuring-the-spectra = 正在统计光谱
said-going-on-with-an-interrupted = 继续中断的运行：已完成 { $b } 块中的 { $a } 块
said-the-scene-has-no-pixels = 影像没有像元
said-an-interrupted-run-lies-beside = 输出旁有一次中断的运行，如果没有任何改变将继续它
said-this-file-is-a-field = 此文件已是嵌入场；请在其上训练分类器
said-the-job-cannot-be-written = 无法记录任务
said-writing-the-field = 正在写出嵌入场
said-projection-sha256 = { $a }；投影 sha256 { $b }
said-field-of-x-pixels-from = { $a } x { $b } 像元的嵌入场，由 { $c } 个波段生成，{ $d }，设备 { $e }，用时 { $seconds } s
said-what-fetching-weights-costs-depends = 获取权重所需的开销取决于网络
said-no-field-was-named = 未指定嵌入场
said-reading-every-pixel = 正在读取每个像元
said-exact-figures-of-bands-of = { $name } 的精确数值：{ $a } 个波段，{ $b } 个像元。
said-the-copy-would-overwrite-the = 副本会覆盖嵌入场；请选择其他名称
said-field-of-x-pixels-written = 已写出 { $a } x { $b } 像元的嵌入场
said-the-copy-would-overwrite-the-raster = 副本会覆盖栅格；请选择其他名称
said-pixels-are-hidden-by-a = { $unknown } 个像元被掩膜隐藏，而副本没有此掩膜，因此保存掩膜下的存储值
said-bands-of-x-pixels-written = 已写出 { $a } 个波段，{ $b } x { $c } 像元
said-the-part-to-export-does = 要导出的部分不在 { $a } x { $b } 像元之内；请选择其他部分
said-another-process-is-working-on = 另一个进程正在处理此输出；请等待其结束，或选择其他名称
said-the-working-folder-cannot-be = 无法创建工作文件夹
said-the-working-file-cannot-be = 无法创建工作文件
said-an-older-working-folder-cannot = 无法移除旧的工作文件夹
said-the-working-file-cannot-be-written = 无法写入工作文件
said-a-raster-of-x-pixels = { $width } x { $height } 像元的栅格大于任何磁盘；请检查其文件的说明，或选择其中一部分
said-there-is-no-room-for = 没有空间存放工作文件
said-the-working-file-cannot-be-read = 无法读取工作文件
said-the-working-file-cannot-be-written-what = 无法写入工作文件；已完成的部分已保留，重新运行即可继续
said-the-working-file-cannot-be-read-back = 无法读回工作文件
said-polygons-of = { $name } 的多边形
said-polygons-in-classes = { $a } 个多边形，{ $b } 个类别
said-this-file-is-no-shard = 此文件不是分片；请指定用 --shard 生成的文件
said-an-unknown-device = 未知设备
said-kind-of-map = 地图种类
said-joining-the-shards = 正在合并分片
said-of-x-pixels-from-shards = { $b } x { $c } 像元的{ $a ->
        [Field] 场
       *[Map] 地图
    }，由 { $count } 个分片合并，用时 { $seconds } s
said-the-whole-would-overwrite-one = 合并结果会覆盖其中一个分片；请选择其他名称
said-no-shards-of-this-file = 此文件旁没有其分片；请先用 --shard 1/4、2/4 等运行其命令，或指定分片
said-shard-is-there-twice-name = 分片 { $a } 出现两次；请只指定其中一个文件
said-this-file-shard-and-shard = 此文件（分片 { $a }）与分片 { $b } 不属于同一任务：{ $what }
said-they-were-cut-into-different = 它们的分片数不同；请指定属于一起的分片
said-they-differ-in-make-it = 它们的 { $a } 不同；请用与其他分片相同的程序、输入和选项重新生成
said-this-shard-holds-other-rows = 此分片所含的行与分片 { $a } 应有的不同；请重新生成
said-shard-is-missing = 缺少分片 { $a }
said-shards-are-missing = 缺少分片 { $a }
said-rows-of-run-and-merge = { $a }（第 { $b } 行，共 { $c } 行）；请运行{ $d ->
        [it] 它
       *[them] 它们
    }后重新合并
said-the-shards-were-computed-on = 分片在不同设备上计算（{ $a }），其末位数字有差异；在其中一台上单次运行的结果可能在某些像元上与此不同
said-this-file-lies-beside-a = 此文件位于 { $a } 的分片旁；请指定后者的分片，此文件会一同合并
said-this-shard-was-renamed-so = 此分片已改名，因此找不到它写出的其他文件；请将其改回 { $a }
said-this-file-was-not-written = 此文件不是与分片 { $a } 一同写出的；请重新生成分片
said-the-projection-that-lay-beside = 分片旁的投影已不存在；嵌入场本身完整，但无法在其轴上生成以后的年份
said-overviews-of-levels-by-mb = { $name } 的金字塔：{ $a } 级，{ $b }，{ $c } MB。
said-the-map-would-overwrite-the = 地图会覆盖嵌入场；请选择其他名称
said-the-head-was-trained-on = 分类器是在另一个嵌入场上训练的，其轴的含义可能不同；请仔细检查地图
said-writing-the-map = 正在写出地图
said-map-of-pixels-in-classes = { $pixels } 个像元的地图，{ $a } 个类别，平均置信度 { $b } %，用时 { $seconds } s
said-the-projection-cannot-be-written = 无法写出投影
said-the-projection-cannot-be-read = 无法读取投影
said-not-a-projection-of-a = 不是嵌入场的投影
said-the-projection-was-written-by = 投影由较新版本的 Terroir 写出；请更新此程序
said-the-report-cannot-be-written = 无法写出报告
said-the-report-cannot-be-read = 无法读取报告
said-the-points-would-overwrite-the = 点会覆盖地图；请选择其他名称
said-reading-the-labels = 正在读取标注
said-pixels-of = { $name } 的像元
said-points-of = { $name } 的点
said-class-has-pixels-to-draw = 类别 { $name } 有 { $pixels } 个像元可供抽取，少于所需的 { $a } 个点
said-points-drawn-in-random-order = 已抽取 { $a } 个点，顺序随机且不含地图的类别
said-there-can-be-at-most = 最多可有 { $most_shards } 个分片
said-a-shard-is-named-as = 分片以其编号和总数表示，从 1/4 到 4/4
said-there-are-more-shards-than = 分片数多于 { $shard_rows } 像元的块行数；分片 { $shard } 没有工作可做
said-shard-is-finished-already-nothing = 分片 { $shard } 已完成；未执行任何操作
said-this-job-cannot-be-done = 此任务不能分片执行；可分片的有 embed、predict、calc、composite、change、regress、similar 和 soil
said-the-split-cannot-be-read = 无法读取划分
said-not-a-split-file = 不是划分文件
said-the-split-file-lacks-what = 划分文件缺少应有的内容（unit, class_ids_used, seeds）
said-labelled-pixels-lie-where-the = { $missing } 个已标注像元位于嵌入场无数据处，已略去
said-fitting-the-head = 正在拟合分类器
said-right-in-spatial-blocks-out = ；在 { $b } 份空间分块交叉验证中正确 { $a } %
said-pixels-of-marked-test-or = ；已留出标为测试或验证的 { $shapes } 个{ $b ->
        [shape] 图形
       *[shapes] 图形
    }中的 { $a } 个像元
said-head-for-classes-from-labelled = { $a } 个类别的分类器，来自 { $b } 个已标注像元{ $figure }
said-neighbours-cannot-vote-1-to = { $a } 个近邻无法投票；可为 1 至 { $most_neighbours } 个
said-a-weight-is-given-for = 为类别“{ $name }”给出了权重，但标注中没有此类别；标注中有 { $a }
said-this-file-is-not-a = 此文件不是嵌入场（每像元 64 个有符号字节）；请先由影像生成 (embed)
said-outside-the-scene-left-out = 位于影像之外，已略去
said-without-any-pixel-left-out = 没有任何像元，已略去
said-with-an-invalid-outline-left = 轮廓无效，已略去
said-without-a-class-left-out = 没有类别，已略去
said-reading-the-field = 正在读取嵌入场
said-no-labelled-pixel-lies-on-data = 没有已标注的像元位于嵌入场的有数据处；请检查标注与嵌入场是否为同一地点
said-the-labels-hold-one-class = 标注只有一个类别（“{ $a }”）；分类器至少需要两个才能区分
said-few-labelled-pixels-so-the = 已标注像元很少，因此指标只是粗略的：{ $a }
said-the-labels-lie-too-close = 标注相距太近，无法进行空间交叉验证；不给出精度
said-spatially-blocked-cross-validation-folds = 空间分块交叉验证，{ $a } 份，块大小 { $block } 像元，多边形不切开
said-temperature-fitted-on-the-scores = 温度参数由其他各份的得分拟合
said-held-out-polygons = 留出的多边形
said-shards-write-the-map-alone = 分片只写出地图；请不要生成地点和多边形，而由合并后的地图生成 (terroir polygons)
said-writing-the-mask = 正在写出掩膜
said-of-pixels-are-at-least = { $pixels } 个像元中有 { $matches } 个（{ $a } %）相似度不低于 { $b }
said-in-polygons = ，共 { $a } 个多边形
said-places-found = ；找到 { $a } 个地点
said-mean-of-the-dot-products = 点积的平均值
said-largest-dot-product = 最大点积
said-similarity-to-examples-threshold = 与 { $a } 个示例的相似度（{ $how }），阈值 { $b }
said-reading-the-examples = 正在读取示例
said-an-area-holds-very-different = 某个区域内差异很大；其均值不能代表其中任何一种
said-of-areas-hold-no-data = { $a } 个区域中有 { $outside } 个没有嵌入场数据，已略去
said-none-of-the-areas-holds = 所有区域都没有嵌入场数据；请选择其他区域
said-only-the-first-examples-of = 只使用 { $b } 个示例中的前 { $a } 个
said-there-is-nothing-to-be = 没有可供相似比较的对象；请给出地点 (--at) 或多边形 (--polygons)
said-the-result-is-written-as = 结果写为 .tif（地图）、.gpkg（多边形）或 .csv（地点）；请选择其中一种扩展名
said-a-table-holds-places-and = 表格保存地点，但未要求任何地点；请说明数量 (--places)
said-the-result-would-overwrite-the-field = 结果会覆盖嵌入场；请选择其他名称
said-no-file-to-write-was = 未指定要写出的文件 (--out)
said-the-map-would-overwrite-what = 地图会覆盖其生成所用的文件；请选择其他名称
said-map-of-for-pixels-mean = { $b } 个像元的 { $a } 地图，均值 { $mean }
said-map-of-pixels-in-classes-mean = { $a } 个像元的地图，{ $b } 个类别，平均置信度 { $c } %
said-shards-map-with-one-regression = 各分片使用同一个回归制图；请先不带 --shard 拟合，再指定它 (--head)
said-values-to-learn-from-are = 缺少可供学习的值：请指定点或多边形文件，或先前拟合的回归
said-map-of-over-pixels-s = { $b } 个像元的 { $a } 地图{ $figure }，用时 { $seconds } s
said-the-regression-was-fitted-on = 回归是在另一个嵌入场上拟合的，其轴的含义可能不同；请仔细检查地图
said-reading-the-values = 正在读取数值
said-from-values = 基于 { $a } 个值
said-in-spatial-blocks-out-folds = 在 { $a } 份空间分块交叉验证中
said-lie-beside-the-field-and = 位于嵌入场之外，已略去
said-have-no-number-in-this-column = 在此列中没有数值，已略去
said-have-no-point-or-polygon-and = 没有点或多边形，已略去
said-lie-where-the-field-has = 位于嵌入场无数据处，已略去
said-are-polygons-over-very-different = 为地面差异很大的多边形，其均值代表性不足
said-of-places = { $a } 个地点中有 { $count } 个{ $what }
said-of-the-map-lies-beyond = 地图的 { $a } % 超出拟合所用值的范围（{ $b } 至 { $c }），在那里回归只是推测
said-by-ridge-regression-on-a = { $a }{ $unit }，由嵌入场上的岭回归得出
said-spatially-blocked-cross-validation-folds-blocks = 空间分块交叉验证，{ $a } 份，块大小 { $b } 像元
said-the-values-lie-too-close = 值的位置相距太近，无法进行空间交叉验证；不给出精度
said-the-values-lie-close-together = 值的位置相距很近：块大小为 { $used_px } 像元而不是 { $block_px } 像元，因此精度可能偏高
said-too-few-values-are-left = 取出一块后剩余的值太少，因此不给出精度；请在更多地点测量
said-values-could-not-be-predicted = { $a } 个值无法由其他块预测，不计入精度
said-drawing-pixels = 正在抽取像元
said-finding-clusters = 正在查找聚类
said-fitting-colours = 正在拟合颜色
said-finding-places = 正在查找地点
said-drawing-polygons = 正在绘制多边形
said-building-overviews = 正在构建金字塔
said-preparing-kernels = 正在准备计算内核
said-copying-mb = 正在复制，MB
said-scene-reader = 影像读取程序
said-without-a-wavelength = 没有波长
said-without-a-class = 没有类别
said-no-flag = 没有标志
said-no-day = 没有日期
said-clear-images = 无云影像
said-all-dates = 所有日期
said-raw-stack = 原始堆叠
said-median-composite = 中位数合成影像
said-mean-composite = 均值合成影像
said-greenest-image = 最绿影像
said-linear-probe = 线性探测
said-frozen-encoder = 冻结的编码器
said-last-block = 最后一块
said-whole-encoder = 整个编码器
said-no-value = 没有值
said-its-mask = 其掩膜
said-its-name = 其名称
said-its-field = 其嵌入场
said-its-size = 其大小
said-the-stations = 站点
said-one-value = 一个数值
said-two-values = 两个数值
said-not-judged = 未评价
said-not-defined = 未定义
said-wrong-shape = 形状错误
said-whole-numbers = 整数
said-fields = { $count } 个嵌入场
said-images = { $count } 幅影像
said-shapes = { $count } 个图形
said-days = { $days } 天
said-classes = { $a } 个类别
said-bytes = { $a } 字节
said-no-answer = 没有响应
said-not-there = 不存在
said-future-weather = 未来天气
said-balanced-accuracy = 平衡精度
said-worker-log = 工作进程日志
said-ridge-regression = 岭回归
said-logistic-regression = 逻辑回归
said-nearest-neighbours = 最近邻
said-random-forest = 随机森林
said-linear-interpolation = 线性插值
said-last-year = 去年同期
said-median-of-the-clear-images = 无云影像的中位数
said-dot-product = 点积
said-local-z = 局部 z
