said-reading-the-reference = a ler a referência
said-no-reference-pixel-lies-on = nenhum píxel de referência está sobre um píxel classificado do mapa; verificar que ambos mostram o mesmo lugar
said-reference-pixels-lie-where-the = { $unclassified } píxeis de referência estão onde o mapa não tem classe; não são contados
said-drawing-the-report = a desenhar o relatório
said-overall-accuracy-of-the-whole = Exatidão global de todo o mapa { $a } ± { $b } % (95 %), a partir de { $c } pontos de amostra
said-overall-accuracy-on-reference-pixels = Exatidão global { $percent } em { $a } píxeis de referência
said-pixels-of-the-reference-are = { $painted } píxeis da referência estão pintados ou vêm de um raster
said-shapes-of-the-reference-are = { $training } formas da referência não estão marcadas como validação (atributo `use`)
said-so-they-are-no-random = { $what }, pelo que não são uma amostra aleatória do mapa; sortear uma com `terroir sample`, ou omitir --stratified-sample
said-class-has-one-sample-point = a classe { $a } tem um só ponto de amostra: os intervalos não incluem a sua incerteza
said-the-reference-pixels-were-not = os píxeis de referência não foram sorteados como amostra probabilística do mapa: os números valem para estes píxeis, não para todo o mapa, e não se estimam áreas a partir deles
said-the-map-was-trained-with = o mapa foi treinado com este mesmo ficheiro de referência: os números são lisonjeiros; usar etiquetas que o treino não viu
said-no-class-name-of-the = nenhum nome de classe do mapa aparece na referência, pelo que as classes foram associadas pelos seus números
said-classes-of-the-reference-that = classes da referência que o mapa não tem: { $a }
said-the-scene-reader-could-not = não foi possível iniciar o leitor da cena
said-could-not-take-the-batch = { $a } não aguentou o lote ({ $failure }); agora { $batch } janelas de cada vez
said-the-result-would-overwrite-the = o resultado substituiria a cena; escolher outro nome
said-no-pixel-has-a-value = nenhum píxel tem valor: todos estão em falta ou a fórmula não tem nenhum para eles
said-writing-the-file = a escrever o ficheiro
said-of-pixels-s = { $a } de { $pixels } píxeis, { $seconds } s
said-polygons-of-change-are-not = os polígonos de mudança não são cortados nas linhas das partes; omiti-los (--no-polygons)
said-there-are-no-fields-to = não há campos a comparar
said-change-between-and = Mudança entre { $a } e { $b }: { $c }
said-dot-product-of-the-two = produto escalar dos dois vetores, 1 = sem mudança
said-1-dot-product-2-0 = (1 - produto escalar) / 2, 0 = sem mudança
said-angle-between-the-two-vectors = ângulo entre os dois vetores em graus, 0 = sem mudança
said-how-unusual-the-later-year = quão invulgar é o ano posterior entre todos no seu píxel, em desvios
said-the-fields-were-made-by = os campos foram feitos por modelos diferentes, pelo que os seus números significam coisas diferentes; fazê-los todos com o mesmo modelo e os mesmos pesos
said-a-threshold-of-lies-outside = um limiar de { $threshold } está fora do que { $a } pode ser ({ $low } a { $high })
said-the-smallest-area-must-be = a área mínima tem de ser um número de metros quadrados, 0 ou mais
said-the-local-z-compares-a = o z local compara um ano com o habitual no seu píxel, o que requer { $fewest_years } campos ou mais; há { $years }, indicar outros (--also)
said-only-the-local-z-uses = só o z local usa mais anos; escolhê-lo como medida, ou omiti-los
said-before-and-after-are-the = antes e depois são o mesmo ficheiro; escolher dois campos de datas diferentes
said-the-result-would-overwrite-a = o resultado substituiria um campo; escolher outro nome
said-no-pixel-has-data-in = nenhum píxel tem dados nos dois campos, pelo que não há nada a comparar
said-the-two-fields-differ-nearly = os dois campos diferem quase em todo o lado (produto escalar médio { $a }); verificar que ambos foram feitos pelo mesmo modelo e mostram o mesmo lugar
said-of-pixels-changed = { $a } % de { $b } pixels mudaram ({ $c ->
        [distance] distância
        [angle] ângulo
       *[other] { $c }
    } { $sign ->
        [below] abaixo de
       *[above] acima de
    } { $d })
said-of-at-least-m2 = , { $count } { $a ->
        [polygon] polígono
       *[polygons] polígonos
    } de pelo menos { $b } m2
said-the-fields-have-no-place = os campos não têm lugar no terreno, pelo que não são escritos polígonos
said-there-is-no-cluster-to = não há nenhum grupo { $number } a nomear { $name }; há { $a }
said-clusters-cannot-be-made-give = não é possível fazer { $a } grupos; dar um número de 2 a 30
said-clusters-are-found-on-1000 = os grupos são procurados em 1000 a 200000 píxeis, não em { $a }
said-the-result-would-overwrite-its = o resultado substituiria a sua própria entrada; escolher outro nome
said-the-clusters-were-found-on = os grupos foram encontrados noutro campo, cujos eixos podem significar outras coisas; verificar o mapa com cuidado
said-the-field-has-no-pixel = o campo não tem nenhum píxel com dados, pelo que não há nada a agrupar
said-the-field-holds-only-different = o campo contém só { $a } tipos diferentes de píxeis, pelo que não há mais grupos do que esses
said-spherical-k-means-k-means = k-means esférico, início k-means++
said-pixels-in = { $total } pixels em { $a } { $b ->
        [clusters] grupos
       *[other] { $b }
    }
said-classes-of-clusters = classes de { $a } grupos
said-clusters-of-a-field = Grupos de um campo: { $a }
said-the-colours-would-overwrite-a = as cores substituiriam um campo; escolher outro nome
said-colours-of-from-pixels-the = Cores de { $a } { $b ->
        [field] campo
       *[fields] campos
    } a partir de { $c } pixels; as três primeiras componentes reúnem { $d } % da variância; { $seconds } s
said-this-file-does-not-say = este ficheiro não diz como foi feito (não tem TERROIR_RUN); só os ficheiros escritos pelo Terroir o dizem
said-no-raster-was-named = nenhum raster foi indicado
said-the-archive-has-no-images = o arquivo não tem imagens
said-the-projection-is-not-set = a projeção não está definida
said-fitting-the-projection = a ajustar a projeção
said-no-pixel-has-a-value-in = nenhum píxel tem valor em todas as bandas ao mesmo tempo; indicar menos bandas ou escolher outra cena
said-measuring-the-spectra = a medir os espectros
said-going-on-with-an-interrupted = a continuar uma execução interrompida: { $a } de { $b } blocos estavam feitos
said-the-scene-has-no-pixels = a cena não tem píxeis
said-an-interrupted-run-lies-beside = há uma execução interrompida ao lado da saída, que é continuada se nada mudou
said-this-file-is-a-field = este ficheiro já é um campo; treinar um classificador sobre ele
said-the-job-cannot-be-written = não é possível registar a tarefa
said-writing-the-field = a escrever o campo
said-projection-sha256 = { $a }; projeção sha256 { $b }
said-field-of-x-pixels-from = Campo de { $a } x { $b } píxeis a partir de { $c } bandas, { $d } em { $e }, { $seconds } s
said-what-fetching-weights-costs-depends = o custo de obter pesos depende da rede
said-no-field-was-named = nenhum campo foi indicado
said-reading-every-pixel = a ler cada píxel
said-exact-figures-of-bands-of = Números exatos de { $name }: { $a } bandas de { $b } píxeis.
said-the-copy-would-overwrite-the = a cópia substituiria o campo; escolher outro nome
said-field-of-x-pixels-written = Campo de { $a } x { $b } píxeis escrito
said-the-copy-would-overwrite-the-raster = a cópia substituiria o raster; escolher outro nome
said-pixels-are-hidden-by-a = { $unknown } píxeis estão ocultos por uma máscara que a cópia não tem, e contêm o que está guardado sob ela
said-bands-of-x-pixels-written = { $a } bandas de { $b } x { $c } píxeis escritas
said-the-part-to-export-does = a parte a exportar não está dentro dos { $a } x { $b } píxeis; escolher outra
said-another-process-is-working-on = outro processo está a trabalhar nesta saída; esperar que termine, ou escolher outro nome
said-the-working-folder-cannot-be = não é possível criar a pasta de trabalho
said-the-working-file-cannot-be = não é possível criar o ficheiro de trabalho
said-an-older-working-folder-cannot = não é possível remover uma pasta de trabalho antiga
said-the-working-file-cannot-be-written = não é possível escrever o ficheiro de trabalho
said-a-raster-of-x-pixels = um raster de { $width } x { $height } píxeis é maior do que qualquer disco; verificar o que diz o seu ficheiro, ou escolher uma parte
said-there-is-no-room-for = não há espaço para o ficheiro de trabalho
said-the-working-file-cannot-be-read = não é possível ler o ficheiro de trabalho
said-the-working-file-cannot-be-written-what = não é possível escrever o ficheiro de trabalho; o que está feito é mantido, executar de novo para continuar
said-the-working-file-cannot-be-read-back = não é possível reler o ficheiro de trabalho
said-polygons-of = polígonos de { $name }
said-polygons-in-classes = { $a } polígonos em { $b } classes
said-this-file-is-no-shard = este ficheiro não é uma parte; indicar ficheiros feitos com --shard
said-an-unknown-device = um dispositivo desconhecido
said-kind-of-map = tipo de mapa
said-joining-the-shards = a unir as partes
said-of-x-pixels-from-shards = { $a ->
        [Field] Campo
       *[Map] Mapa
    } de { $b } x { $c } pixels a partir de { $count } partes, { $seconds } s
said-the-whole-would-overwrite-one = o todo substituiria uma das suas partes; escolher outro nome
said-no-shards-of-this-file = não há partes deste ficheiro ao seu lado; executar primeiro o seu comando com --shard 1/4, 2/4 e assim por diante, ou indicar as partes
said-shard-is-there-twice-name = a parte { $a } existe duas vezes; indicar só um dos ficheiros
said-this-file-shard-and-shard = este ficheiro (parte { $a }) e a parte { $b } não são da mesma tarefa: { $what }
said-they-were-cut-into-different = foram divididos em números de partes diferentes; indicar os que pertencem ao mesmo conjunto
said-they-differ-in-make-it = diferem em { $a }; fazê-lo de novo com o mesmo programa, as mesmas entradas e as mesmas opções que os outros
said-this-shard-holds-other-rows = esta parte contém outras linhas do que a parte { $a } devia; fazê-la de novo
said-shard-is-missing = falta a parte { $a }
said-shards-are-missing = faltam as partes { $a }
said-rows-of-run-and-merge = { $a } (linhas { $b } de { $c }); { $d ->
        [it] execute-a
       *[them] execute-as
    } e junte de novo
said-the-shards-were-computed-on = as partes foram calculadas em dispositivos diferentes ({ $a }), cujos últimos algarismos diferem; uma só execução num deles pode diferir desta em alguns píxeis
said-this-file-lies-beside-a = este ficheiro está ao lado de uma parte de { $a }; indicar as partes desse, e este é unido com elas
said-this-shard-was-renamed-so = esta parte mudou de nome, pelo que não é possível encontrar o que mais escreveu; dar-lhe de novo o nome { $a }
said-this-file-was-not-written = este ficheiro não foi escrito juntamente com a parte { $a }; fazer a parte de novo
said-the-projection-that-lay-beside = a projeção que estava ao lado das partes desapareceu; o campo está completo sem ela, mas não é possível fazer anos futuros nos seus eixos
said-overviews-of-levels-by-mb = Pirâmides de { $name }: { $a } níveis por { $b }, { $c } MB.
said-the-map-would-overwrite-the = o mapa substituiria o campo; escolher outro nome
said-the-head-was-trained-on = o classificador foi treinado noutro campo, cujos eixos podem significar outras coisas; verificar o mapa com cuidado
said-writing-the-map = a escrever o mapa
said-map-of-pixels-in-classes = Mapa de { $pixels } píxeis em { $a } classes, confiança média { $b } %, { $seconds } s
said-the-projection-cannot-be-written = não é possível escrever a projeção
said-the-projection-cannot-be-read = não é possível ler a projeção
said-not-a-projection-of-a = não é uma projeção de um campo
said-the-projection-was-written-by = a projeção foi escrita por um Terroir mais recente; atualizar este
said-the-report-cannot-be-written = não é possível escrever o relatório
said-the-report-cannot-be-read = não é possível ler o relatório
said-the-points-would-overwrite-the = os pontos substituiriam o mapa; escolher outro nome
said-reading-the-labels = a ler as etiquetas
said-pixels-of = píxeis de { $name }
said-points-of = pontos de { $name }
said-class-has-pixels-to-draw = a classe { $name } tem { $pixels } píxeis de que sortear, menos do que os { $a } pontos pretendidos
said-points-drawn-in-random-order = { $a } pontos sorteados, em ordem aleatória e sem as classes do mapa
said-there-can-be-at-most = pode haver no máximo { $most_shards } partes
said-a-shard-is-named-as = uma parte é indicada pelo seu número e por quantas há, de 1/4 a 4/4
said-there-are-more-shards-than = Há mais partes do que linhas de blocos de { $shard_rows } píxeis; a parte { $shard } não tem nada a fazer
said-shard-is-finished-already-nothing = A parte { $shard } já está concluída; nada foi feito
said-this-job-cannot-be-done = esta tarefa não pode ser feita por partes; podem embed, predict, calc, composite, change, regress, similar e soil
said-the-split-cannot-be-read = não é possível ler a divisão
said-not-a-split-file = não é um ficheiro de divisões
said-the-split-file-lacks-what = o ficheiro de divisões não tem o que devia conter (unit, class_ids_used, seeds)
said-labelled-pixels-lie-where-the = { $missing } píxeis etiquetados estão onde o campo não tem dados e são omitidos
said-fitting-the-head = a ajustar o classificador
said-right-in-spatial-blocks-out = ; { $a } % certo em { $b } partes por blocos espaciais
said-pixels-of-marked-test-or = ; { $a } pixels de { $shapes } { $b ->
        [shape] forma
       *[shapes] formas
    } de teste ou validação foram reservados
said-head-for-classes-from-labelled = Classificador para { $a } classes a partir de { $b } píxeis etiquetados{ $figure }
said-neighbours-cannot-vote-1-to = { $a } vizinhos não podem votar; podem 1 a { $most_neighbours }
said-a-weight-is-given-for = é dado um peso para a classe "{ $name }", que as etiquetas não contêm; contêm { $a }
said-this-file-is-not-a = este ficheiro não é um campo (64 bytes com sinal por píxel); criar primeiro um a partir da cena (embed)
said-outside-the-scene-left-out = fora da cena, omitidas
said-without-any-pixel-left-out = sem nenhum píxel, omitidas
said-with-an-invalid-outline-left = com contorno inválido, omitidas
said-without-a-class-left-out = sem classe, omitidas
said-reading-the-field = a ler o campo
said-no-labelled-pixel-lies-on-data = nenhum píxel etiquetado está sobre dados do campo; verificar que as etiquetas e o campo mostram o mesmo lugar
said-the-labels-hold-one-class = as etiquetas contêm uma só classe ("{ $a }"); um classificador precisa de duas ou mais para distinguir
said-few-labelled-pixels-so-the = poucos píxeis etiquetados, pelo que os números são aproximados: { $a }
said-the-labels-lie-too-close = as etiquetas estão demasiado próximas para uma validação cruzada espacial; não é dada exatidão
said-spatially-blocked-cross-validation-folds = validação cruzada por blocos espaciais, { $a } partes, blocos de { $block } píxeis, polígonos inteiros
said-temperature-fitted-on-the-scores = temperatura ajustada às pontuações das outras partes
said-held-out-polygons = polígonos reservados
said-shards-write-the-map-alone = as partes escrevem só o mapa; omitir lugares e polígonos, e fazê-los do mapa unido (terroir polygons)
said-writing-the-mask = a escrever a máscara
said-of-pixels-are-at-least = { $matches } de { $pixels } píxeis ({ $a } %) têm pelo menos { $b } de semelhança
said-in-polygons = , em { $a } polígonos
said-places-found = ; { $a } lugares encontrados
said-mean-of-the-dot-products = média dos produtos escalares
said-largest-dot-product = maior produto escalar
said-similarity-to-examples-threshold = Semelhança com { $a } exemplos ({ $how }), limiar { $b }
said-reading-the-examples = a ler os exemplos
said-an-area-holds-very-different = uma área contém coisas muito diferentes; a sua média não representa nenhuma
said-of-areas-hold-no-data = { $outside } de { $a } áreas não contêm dados do campo e são omitidas
said-none-of-the-areas-holds = nenhuma das áreas contém dados do campo; escolher outras
said-only-the-first-examples-of = são usados só os primeiros { $a } exemplos de { $b }
said-there-is-nothing-to-be = não há nada com que comparar; dar um lugar (--at) ou polígonos (--polygons)
said-the-result-is-written-as = o resultado é escrito como .tif (mapa), .gpkg (polígonos) ou .csv (lugares); escolher uma destas extensões
said-a-table-holds-places-and = uma tabela contém lugares, e nenhum é pedido; dizer quantos (--places)
said-the-result-would-overwrite-the-field = o resultado substituiria o campo; escolher outro nome
said-no-file-to-write-was = não foi indicado nenhum ficheiro a escrever (--out)
said-the-map-would-overwrite-what = o mapa substituiria aquilo de que é feito; escolher outro nome
said-map-of-for-pixels-mean = Mapa de { $a } para { $b } píxeis, média { $mean }
said-map-of-pixels-in-classes-mean = Mapa de { $a } píxeis em { $b } classes, confiança média { $c } %
said-shards-map-with-one-regression = as partes cartografam com uma só regressão; ajustá-la primeiro sem --shard, e depois indicá-la (--head)
said-values-to-learn-from-are = faltam valores para aprender: indicar um ficheiro de pontos ou polígonos, ou uma regressão ajustada antes
said-map-of-over-pixels-s = Mapa de { $a } em { $b } píxeis{ $figure }, { $seconds } s
said-the-regression-was-fitted-on = a regressão foi ajustada a outro campo, cujos eixos podem significar outras coisas; verificar o mapa com cuidado
said-reading-the-values = a ler os valores
said-from-values = de { $a } valores
said-in-spatial-blocks-out-folds = em { $a } partes por blocos espaciais
said-lie-beside-the-field-and = estão fora do campo e são omitidos
said-have-no-number-in-this-column = não têm número nesta coluna e são omitidos
said-have-no-point-or-polygon-and = não têm ponto nem polígono e são omitidos
said-lie-where-the-field-has = estão onde o campo não tem dados e são omitidos
said-are-polygons-over-very-different = são polígonos sobre terreno muito diferente, pelo que a sua média pouco representa
said-of-places = { $count } de { $a } lugares { $what }
said-of-the-map-lies-beyond = { $a } % do mapa está para além dos valores a que foi ajustada ({ $b } a { $c }), onde uma regressão só supõe
said-by-ridge-regression-on-a = { $a }{ $unit } por regressão ridge sobre um campo
said-spatially-blocked-cross-validation-folds-blocks = validação cruzada por blocos espaciais, { $a } partes, blocos de { $b } píxeis
said-the-values-lie-too-close = os valores estão demasiado próximos para uma validação cruzada espacial; não é dada exatidão
said-the-values-lie-close-together = os valores estão próximos entre si: blocos de { $used_px } píxeis em vez de { $block_px }, pelo que a exatidão pode ser lisonjeira
said-too-few-values-are-left = restam demasiado poucos valores quando se retira um bloco, pelo que não é dada exatidão; medir em mais lugares
said-values-could-not-be-predicted = { $a } valores não puderam ser previstos a partir de outros blocos e são omitidos da exatidão
said-drawing-pixels = a sortear píxeis
said-finding-clusters = a procurar grupos
said-fitting-colours = a ajustar cores
said-finding-places = a procurar lugares
said-drawing-polygons = a desenhar polígonos
said-building-overviews = a criar pirâmides
said-preparing-kernels = a preparar núcleos
said-copying-mb = a copiar, MB
said-scene-reader = leitor da cena
said-without-a-wavelength = sem comprimento de onda
said-without-a-class = sem classe
said-no-flag = sem indicador
said-no-day = nenhum dia
said-clear-images = imagens limpas
said-all-dates = todas as datas
said-raw-stack = pilha em bruto
said-median-composite = compósito de medianas
said-mean-composite = compósito de médias
said-greenest-image = imagem mais verde
said-linear-probe = sonda linear
said-frozen-encoder = codificador congelado
said-last-block = último bloco
said-whole-encoder = todo o codificador
said-no-value = sem valor
said-its-mask = a sua máscara
said-its-name = o seu nome
said-its-field = o seu campo
said-its-size = o seu tamanho
said-the-stations = as estações
said-one-value = um valor
said-two-values = dois valores
said-not-judged = não avaliada
said-not-defined = não definido
said-wrong-shape = forma errada
said-whole-numbers = números inteiros
said-fields = { $count } campos
said-images = { $count } imagens
said-shapes = { $count } formas
said-days = { $days } dias
said-classes = { $a } classes
said-bytes = { $a } bytes
said-no-answer = nenhuma resposta
said-not-there = ausente
said-future-weather = tempo futuro
said-balanced-accuracy = exatidão equilibrada
said-worker-log = registo do processo de cálculo
said-ridge-regression = Regressão ridge
said-logistic-regression = Regressão logística
said-nearest-neighbours = Vizinhos mais próximos
said-random-forest = Floresta aleatória
said-linear-interpolation = Interpolação linear
said-last-year = O ano anterior
said-median-of-the-clear-images = mediana das imagens limpas
said-dot-product = produto escalar
said-local-z = z local
